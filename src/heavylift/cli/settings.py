"""`heavylift settings`: what is in force, and where it came from."""

import json

import typer

from heavylift.cli.local import Config, Data, load_settings
from heavylift.cli.output import AsJson, show_table


def show_settings(config: Config = None, data: Data = None, as_json: AsJson = False) -> None:
    """Print every setting in force and where it came from."""
    settings = load_settings(config, data=data)

    from heavylift.environment import origin
    from heavylift.shown import shown_values

    given = {"data": data} if data else {}
    rows = {
        name: {"value": value, "source": origin(name, given)}
        for name, value in shown_values(settings).items()
    }
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    show_table(
        ("setting", "value", "from"),
        ((name, _written(row["value"]), row["source"]) for name, row in rows.items()),
    )


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
