"""`heavylift migrate-data`: carry a whole installation into other stores."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from heavylift.cli.exits import USAGE, fail
from heavylift.cli.local import Config, check_blobs_url, check_catalog_url, load_settings, said
from heavylift.cli.output import AsJson, examples

if TYPE_CHECKING:
    from heavylift.service.moving import Moved
    from heavylift.settings import Settings

EXAMPLES = examples("heavylift migrate --data old", "heavylift migrate-data --from old --to new")

URL = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Instead of what the folder or the settings say.", show_default=False),
]


def migrate_data(
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="FOLDER", help="The data folder to move out of.", show_default=False),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="FOLDER", help="The data folder to move into.", show_default=False),
    ] = None,
    from_catalog: URL = None,
    from_blobs: URL = None,
    to_catalog: URL = None,
    to_blobs: URL = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Also where the new catalog has facts of its own, which are removed."),
    ] = False,
    checksums: Annotated[
        bool,
        typer.Option("--checksums", help="Read every blob in the new place once more, not only its size."),
    ] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Copy all projects, keys, uploads, files and their bytes from one pair of stores into another.

    Either side is a data folder, or a catalog and blobs by their URLs; what is not said comes from
    the settings in force. Stop both services first: it refuses while one runs. Every blob that is
    sent is held against its checksum on both sides. Nothing is said to be moved before all rows
    were compared both ways and every blob was found with its size. Broken off, run it again: it
    goes on where it was. Run again after the old service was used, it makes the new side what the
    old one is: rows that differ are changed, those that are gone are removed. The old stores are
    not changed, not even migrated.
    """
    settings = load_settings(config)
    from_catalog, from_blobs, to_catalog, to_blobs = _read(
        {"--from-catalog": from_catalog, "--from-blobs": from_blobs,
         "--to-catalog": to_catalog, "--to-blobs": to_blobs}
    )  # fmt: skip
    old = _side(settings, from_, catalog=from_catalog, blobs=from_blobs)
    new = _side(settings, to, catalog=to_catalog, blobs=to_blobs)
    from heavylift.catalog import is_same

    if is_same(old.catalog_url, new.catalog_url):
        fail(
            "the old and the new catalog are the same: say --from, --to, or their catalogs and blobs by URL",
            status=USAGE,
        )
    moved = _run(old, new, replace=replace, reread=checksums)
    if as_json:
        typer.echo(json.dumps(asdict(moved)))
    else:
        typer.echo(
            f"moved {moved.blobs} blobs, {moved.bytes} bytes; in this run {moved.sent} bytes were sent,"
            f" {moved.added} rows added, {moved.changed} changed, {moved.removed} removed"
        )


def _read(urls: dict[str, str | None]) -> Iterator[str | None]:
    """The URLs as they are read, in their order, by the options that say them."""
    from heavylift.values import as_url

    for option, url in urls.items():
        given = as_url(url) if url else None
        if given:
            (check_catalog_url if option.endswith("catalog") else check_blobs_url)(given, named_by=option)
        yield given


def _side(settings: "Settings", folder: str | None, *, catalog: str | None, blobs: str | None) -> "Settings":
    """The settings with that folder's own stores, and those of the URLs."""
    from heavylift.environment import expanded

    if folder:
        try:
            path = expanded(folder)
        except ValueError as error:
            fail(str(error), status=USAGE)
        settings = settings.model_copy(update={"data": path, "catalog": None, "blobs": None})
    given = {"catalog": catalog, "blobs": blobs}
    return settings.model_copy(update={name: url for name, url in given.items() if url})


def _run(old: "Settings", new: "Settings", *, replace: bool, reread: bool) -> "Moved":
    import asyncio

    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from heavylift.service.moving import LivedIn
    from heavylift.stores import check_installed, move_data

    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with said(), Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("moving", total=None)
        check_installed(old, named_by="--from or --from-catalog")
        try:
            return asyncio.run(
                move_data(
                    old, new, lambda moved: bar.update(task, completed=moved.bytes, total=moved.total),
                    replace=replace, reread=reread,
                )
            )  # fmt: skip
        except (LivedIn, ValueError) as error:
            fail(str(error), status=USAGE)
