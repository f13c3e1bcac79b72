"""`heavylift files`: look at Files, download and delete them."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from heavylift.cli import completing, deleting, download
from heavylift.cli.amounts import show_ago, show_bytes, show_moment
from heavylift.cli.connection import connected, server_of
from heavylift.cli.exits import USAGE, fail
from heavylift.cli.output import (
    AsJson,
    View,
    Wide,
    as_data,
    examples,
    fields_of,
    show_fields,
    show_json,
    show_list,
)

if TYPE_CHECKING:
    from heavylift.client.models import File

app = typer.Typer(help="Files: what completed Uploads have become.", no_args_is_help=True)
app.command("download", epilog=examples('heavylift files download "$FILE" --to again.jsonl'))(
    download.download
)

Purpose = Annotated[
    str | None,
    typer.Option(help="Only of this purpose.", show_default=False, autocompletion=completing.purposes),
]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many.", show_default=False)]
Order = Annotated[Literal["desc", "asc"], typer.Option(help="desc: newest first.")]
Compare = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        show_default=False,
        help="Compare with this local file: size and checksum. 1 if not the same.",
    ),
]


def list_files(
    context: typer.Context,
    purpose: Purpose = None,
    limit: Limit = None,
    order: Order = "desc",
    wide: Wide = False,
    as_json: AsJson = False,
) -> None:
    """List Files, newest first. `heavylift ls` is the same."""
    with connected(context) as client:
        files = client.files.list_files(purpose=purpose, limit=limit, order=order)
        show_list(files, FULL, BRIEF, wide=wide, as_json=as_json)


def _full(file: "File") -> tuple[str, ...]:
    times = show_moment(file.created_at), show_moment(file.expires_at)
    return (file.id, file.filename, show_bytes(file.bytes), file.purpose, *times)


def _brief(file: "File") -> tuple[str, ...]:
    return (
        file.id,
        file.filename,
        show_bytes(file.bytes),
        file.purpose,
        show_ago(file.created_at, time.time()),
    )


FULL = View(("id", "name", "size", "purpose", "created", "expires"), _full)
BRIEF = View(("id", "name", "size", "purpose", "created"), _brief)


def show(
    context: typer.Context, file_id: download.FileIds, compare: Compare = None, as_json: AsJson = False
) -> None:
    """Show what is known of Files, and compare one with a local file."""
    from heavylift.cli.several import Names, for_each

    if compare is not None and len(file_id) > 1:
        fail("--compare is about one File.", status=USAGE)
    with connected(context) as client:
        names = Names(client)

        def one(name: str) -> None:
            file = client.files.retrieve_file(names.id_of(name))
            if compare is not None:
                _compare(file, compare)
            if as_json:
                show_json(as_data(file))
                return
            show_fields(fields_of(file) | _hints(file))
            if name != file_id[-1]:
                typer.echo()

        for_each(server_of(context), file_id, one)


def _hints(file: "File") -> dict[str, str]:
    """What the server does not say itself."""
    from heavylift.client import checksums, mime

    hints = {"mime_type": f"{mime.guess_mime_type(file.filename)} (by its name)"}
    if checksums.comparable(file.checksum):
        hints["compare"] = f"heavylift files show {file.id} --compare PATH"
    return hints


def _compare(file: "File", path: str) -> None:
    """Out with a 1 unless the local file holds the same."""
    import os

    from heavylift.client import checksums
    from heavylift.client.stories.existing import checksum_of

    size = os.stat(path).st_size
    if size != file.bytes:
        fail(f"{path} is another file: it has {size} bytes, {file.id} has {file.bytes}.")
    if not checksums.comparable(file.checksum):
        fail(f"{path} has the size of {file.id}; the server shows no checksum to compare it by.")
    if not checksums.agrees(file.checksum, checksum_of(path, size)):
        fail(f"{path} is another file: it has the size of {file.id}, but another checksum.")


app.command(
    "list",
    epilog=examples("heavylift files list --purpose fine-tune", "heavylift files list --json | jq '.[0].id'"),
)(list_files)
app.command(
    "show",
    epilog=examples('heavylift files show "$FILE"', 'heavylift files show "$FILE" --compare big.jsonl'),
)(show)
app.command("delete", epilog=deleting.EXAMPLES)(deleting.delete)
ALIASES: Final[dict[str, Callable[..., Any]]] = {"ls": list_files, "rm": deleting.delete, "cat": download.cat}
for alias, meant in ALIASES.items():
    app.command(alias, hidden=True)(meant)
