"""`heavylift keys`: API keys of this installation."""

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from heavylift.cli.amounts import show_ago
from heavylift.cli.local import Config, Data, load_settings, with_stores
from heavylift.cli.output import AsJson, Wide, examples, in_brief, show_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heavylift.service.ports import Key
    from heavylift.stores import Stores

app = typer.Typer(help="API keys of this installation.", no_args_is_help=True)


@app.command("create", epilog=examples("KEY=$(heavylift keys create --name laptop --json | jq -r .id)"))
def create(
    project: Annotated[str, typer.Option(help="The project that the key opens.")] = "default",
    name: Annotated[str, typer.Option(help="What the key is called in lists.")] = "unnamed",
    config: Config = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once: only its hash is stored."""
    settings = load_settings(config, data=data)

    from heavylift.stores import make_keys

    async def work(stores: "Stores") -> "tuple[Key, str]":
        return await make_keys(stores).create(project=project, name=name)

    key, secret = with_stores(settings, work)
    typer.echo(json.dumps({**asdict(key), "key": secret}) if as_json else secret)


@app.command("list", epilog=examples("heavylift keys list --project default"))
def list_keys(
    project: Annotated[str | None, typer.Option(help="Only the keys of this project.")] = None,
    config: Config = None,
    data: Data = None,
    wide: Wide = False,
    as_json: AsJson = False,
) -> None:
    """List keys, revoked ones too. A key itself is never shown again."""
    settings = load_settings(config, data=data)

    from heavylift.stores import make_keys

    async def work(stores: "Stores") -> "Sequence[Key]":
        return await make_keys(stores).list(project)

    keys = with_stores(settings, work)
    if as_json:
        typer.echo(json.dumps([asdict(key) for key in keys]))
        return

    told = _ago if in_brief(wide=wide) else _day
    show_table(
        ("id", "name", "ends in", "project", "created", "revoked"),
        (
            (key.id, key.name, key.hint, key.project, told(key.created_at), told(key.revoked_at))
            for key in keys
        ),
        wide=wide,
    )


@app.command("revoke", epilog=examples('heavylift keys revoke "$KEY"'))
def revoke(
    key: Annotated[
        str, typer.Argument(help="The key's id, as `keys list` shows it, or its name if no other has it.")
    ],
    config: Config = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """End a key for good. A running service refuses it within seconds."""
    settings = load_settings(config, data=data)

    from heavylift.stores import make_keys

    async def work(stores: "Stores") -> str:
        return await make_keys(stores).revoke(key)

    revoked = with_stores(settings, work)
    typer.echo(json.dumps({"id": revoked, "revoked": True}) if as_json else f"revoked {revoked}")


def _day(moment: int | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")


def _ago(moment: int | None) -> str:
    return show_ago(moment, time.time())
