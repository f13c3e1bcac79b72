"""`heavylift settings`: what is in force, and where it came from."""

import json

import typer
from rich.console import Console
from rich.table import Table

from heavylift.cli.local import AsJson, Config, Data, load_settings


def show_settings(config: Config = None, data: Data = None, as_json: AsJson = False) -> None:
    """Print every setting in force and where it came from."""
    settings = load_settings(config, data=data)

    from heavylift.settings import sources

    found = sources(settings, {"data": data} if data is not None else {})
    values = settings.model_dump(mode="json")
    if as_json:
        rows = {name: {"value": values[name], "source": found[name]} for name in values}
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("setting", "value", "from", box=None, header_style="bold")
    for name, value in values.items():
        table.add_row(name, json.dumps(value) if not isinstance(value, str) else value, found[name])
    Console().print(table)
