"""`heavylift keys`: API keys of this installation."""

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from heavylift.cli.amounts import show_ago
from heavylift.cli.exits import FAILED, complain
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

    if in_brief(wide=wide):
        show_table(
            ("id", "name", "project", "created"),
            (
                (key.id, key.name, key.project, _ago(key.created_at) if key.revoked_at is None else "revoked")
                for key in keys
            ),
        )
        return
    show_table(
        ("id", "name", "ends in", "project", "created", "revoked"),
        (
            (key.id, key.name, key.hint, key.project, _day(key.created_at), _day(key.revoked_at))
            for key in keys
        ),
        wide=wide,
    )


@app.command("revoke", epilog=examples('heavylift keys revoke "$KEY"'))
def revoke(
    key: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY...", help="Ids of keys, as `keys list` shows them, or names that no other has."
        ),
    ],
    config: Config = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """End keys for good. A running service refuses them within seconds."""
    settings = load_settings(config, data=data)

    from heavylift.domain.errors import InvalidRequest
    from heavylift.stores import make_keys

    async def work(stores: "Stores") -> bool:
        all_known = True
        for named in key:
            try:
                revoked = await make_keys(stores).revoke(named)
            except InvalidRequest as refusal:
                if len(key) == 1:
                    raise
                complain(refusal.message)
                all_known = False
            else:
                typer.echo(json.dumps({"id": revoked, "revoked": True}) if as_json else f"revoked {revoked}")
        return all_known

    if not with_stores(settings, work):
        raise typer.Exit(FAILED)


def _day(moment: int | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")


def _ago(moment: int | None) -> str:
    return show_ago(moment, time.time())
