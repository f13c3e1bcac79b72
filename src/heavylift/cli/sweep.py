"""`heavylift sweep`: one round of reclaiming."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from heavylift.cli.local import Config, Data, load_settings, with_stores
from heavylift.cli.output import AsJson

if TYPE_CHECKING:
    from heavylift.service.sweeper import Swept
    from heavylift.settings import Settings
    from heavylift.stores import Stores


def sweep(
    config: Config = None,
    data: Data = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be reclaimed, each blob with its reason.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Delete orphans also where they are a large share of all blobs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Reclaim what expired, was deleted, or was left by a crash; say what it was.

    The running service does the same in the background. Both at once is fine.
    """
    settings = load_settings(config, data=data)
    if dry_run:
        swept, doomed = with_stores(settings, lambda stores: _preview(settings, stores, tell=not as_json))
        _tell(swept, "would reclaim", as_json=as_json, dry_run=True, blobs=doomed)
    else:
        swept = with_stores(settings, lambda stores: _round(settings, stores, confirmed=yes))
        _tell(swept, "reclaimed", as_json=as_json, dry_run=False)


async def _round(settings: "Settings", stores: "Stores", *, confirmed: bool) -> "Swept":
    from heavylift.service.timekeeping import keep_time
    from heavylift.stores import make_sweeper

    timekeeping = await keep_time(stores.catalog)
    await timekeeping.agree()
    return await make_sweeper(settings, stores, clock=timekeeping.clock).round(confirmed=confirmed)


async def _preview(
    settings: "Settings", stores: "Stores", *, tell: bool
) -> tuple["Swept", list[dict[str, str]]]:
    """What a round would do. `tell` prints its blobs as they come, instead of gathering them."""
    from heavylift.service.timekeeping import keep_time
    from heavylift.stores import make_sweeper

    clock = (await keep_time(stores.catalog)).clock
    swept, doomed = await make_sweeper(settings, stores, clock=clock).preview()
    gathered = []
    async for one in doomed:
        if tell:
            typer.echo(f"{one.blob}  {one.why}")
        else:
            gathered.append(asdict(one))
    return swept, gathered


def _tell(swept: "Swept", verb: str, *, as_json: bool, **more: object) -> None:
    if as_json:
        typer.echo(json.dumps({**asdict(swept), **more}))
        return
    typer.echo(
        f"{verb}: {swept.expired_uploads} expired and {swept.forgotten_uploads} forgotten uploads,"
        f" {swept.expired_files} expired files, {swept.orphans} orphaned blobs;"
        f" {swept.deleted_blobs} blobs deleted"
    )
    if swept.spared is not None:
        spared = swept.spared
        typer.echo(
            f"left alone: {spared.orphans} of {spared.of} blobs, which nothing points at: {spared.why}"
        )
