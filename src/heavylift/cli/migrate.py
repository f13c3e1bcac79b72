"""`heavylift migrate`: bring the catalog's tables to what this version needs."""

import json

import typer

from heavylift.cli.local import Config, Data, load_settings, said
from heavylift.cli.output import AsJson


def migrate(config: Config = None, data: Data = None, as_json: AsJson = False) -> None:
    """Bring the catalog's tables to what this version needs. Running it again is fine.

    On PostgreSQL, run it before the first start, and before a new version serves. The previous
    version goes on serving meanwhile. On SQLite, a start does it by itself.
    """
    settings = load_settings(config, data=data)

    from heavylift.stores import migrate as run

    with said():
        before, after = run(settings)
    if as_json:
        typer.echo(json.dumps({"before": before, "after": after}))
    elif before is None:
        typer.echo(f"migrated an empty catalog to schema {after}")
    elif before != after:
        typer.echo(f"migrated the catalog from schema {before} to {after}")
    else:
        typer.echo(f"nothing to do: the catalog has schema {after}")
