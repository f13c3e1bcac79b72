"""`heavylift settings`: what is in force, and where it came from."""

import json
import re

import typer

from heavylift.cli.local import Config, Data, load_settings
from heavylift.cli.output import AsJson

PASSWORD = re.compile(r"(?<=://)([^:/@]*):.*@", re.DOTALL)
"""Up to the last @, though a password that is not encoded may hold anything."""

SECRET = re.compile(r"([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)


def without_secret(url: str) -> str:
    """The URL as it may be shown."""
    return SECRET.sub(r"\1***", PASSWORD.sub(r"\1:***@", url))


def show_settings(config: Config = None, data: Data = None, as_json: AsJson = False) -> None:
    """Print every setting in force and where it came from."""
    settings = load_settings(config, data=data)

    from heavylift.settings import sources

    found = sources(settings, {"data": data} if data is not None else {})
    values = settings.model_dump(mode="json")
    values |= {name: without_secret(values[name]) for name in ("catalog", "blobs") if values[name]}
    if as_json:
        rows = {name: {"value": values[name], "source": found[name]} for name in values}
        typer.echo(json.dumps(rows, indent=2))
        return

    from rich.console import Console
    from rich.table import Table

    table = Table("setting", "value", "from", box=None, header_style="bold")
    for name, value in values.items():
        table.add_row(name, json.dumps(value) if not isinstance(value, str) else value, found[name])
    Console().print(table)
