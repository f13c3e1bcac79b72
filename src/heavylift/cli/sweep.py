"""`heavylift sweep`: one round of reclaiming."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from heavylift.cli.local import Config, Data, load_settings, with_stores
from heavylift.cli.output import AsJson

if TYPE_CHECKING:
    from heavylift.service.sweeper import Swept
    from heavylift.wiring import Stores


def sweep(
    config: Config = None,
    data: Data = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be reclaimed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Reclaim what expired, was deleted, or was left by a crash; say what it was.

    The running service does the same in the background. Both at once is fine.
    """
    settings = load_settings(config, data=data)

    from heavylift.wiring import make_sweeper

    async def one_round(stores: "Stores") -> "Swept":
        sweeper = make_sweeper(settings, stores)
        return await (sweeper.preview() if dry_run else sweeper.round())

    swept = with_stores(settings, one_round)
    if as_json:
        typer.echo(json.dumps({**asdict(swept), "dry_run": dry_run}))
        return
    verb = "would reclaim" if dry_run else "reclaimed"
    typer.echo(
        f"{verb}: {swept.expired_uploads} expired and {swept.forgotten_uploads} forgotten uploads,"
        f" {swept.expired_files} expired files, {swept.orphans} orphaned blobs;"
        f" {swept.deleted_blobs} blobs deleted"
    )
