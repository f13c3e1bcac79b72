"""`heavylift download`: a File onto the disk, resumable, verified and put in place whole; or to a pipe."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heavylift.cli import completing
from heavylift.cli.amounts import show_bytes
from heavylift.cli.connection import connected, server_of
from heavylift.cli.exits import USAGE, fail, interrupted
from heavylift.cli.output import AsJson, as_data, examples, show_json, show_table

if TYPE_CHECKING:
    from heavylift.client.client import Heavylift
    from heavylift.client.models import DownloadedFile

EXAMPLES = examples(
    'heavylift download "$FILE" --to copy.jsonl',
    'heavylift download "$FILE" --to - | wc --lines',
)

FILES = "Ids of Files, or names that only one File has."
FileId = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="The File's id, or a name that only one has.", autocompletion=completing.files
    ),
]
FileIds = Annotated[list[str], typer.Argument(metavar="FILE...", help=FILES, autocompletion=completing.files)]
To = Annotated[
    str,
    typer.Option(metavar="PATH", help="A file, a folder to put it in under its own name, or - for a pipe."),
]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="Most ranges in flight.")]
Resume = Annotated[bool, typer.Option("--resume/--no-resume", help="Go on with an interrupted download.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]


def download(
    context: typer.Context,
    file_id: FileId,
    to: To = ".",
    jobs: Jobs = 4,
    resume: Resume = True,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Download a File: in parallel ranges, verified on the disk, put in place whole.

    Until then its bytes are in a file of the download's own beside the target, heavylift-*.part.
    After an interruption the same command fetches only what is missing or damaged. What is no
    regular file is never replaced; a pipe or a device is written into.
    """
    from heavylift.cli.several import Names
    from heavylift.cli.waiting import Waiting

    if to == "-":
        _check_pouring(as_json=as_json)
    with connected(context, retries=None, hooks=[Waiting()]) as client:
        file_id = Names(client).id_of(file_id)
        if to == "-":
            _pour(client, file_id)
            return
        saved = _fetch(client, file_id, to, jobs=jobs, resume=resume, force=force)
    if as_json:
        show_json(as_data(saved))
        return
    if not Path(saved.path).is_file():  # a pipe or a device, which may be standard output under another name
        return
    checked = "verified" if saved.verified else "not verified: the server shows no checksum"
    show_table(("path", "size", "checksum"), [(saved.path, show_bytes(saved.bytes), checked)])


def cat(context: typer.Context, file_id: FileIds) -> None:
    """Write Files to standard output, one after the other. It is what `download --to -` does with one."""
    from heavylift.cli.several import Names, for_each
    from heavylift.cli.waiting import Waiting

    _check_pouring(as_json=False)
    with connected(context, retries=None, hooks=[Waiting()]) as client:
        names = Names(client)
        for_each(server_of(context), file_id, lambda name: _pour(client, names.id_of(name)))


def _fetch(
    client: "Heavylift", file_id: str, to: str, *, jobs: int, resume: bool, force: bool
) -> "DownloadedFile":
    from heavylift.cli.progress import Bar

    bar = Bar(Path(to).name or file_id)
    try:
        with bar:
            return client.files.download_file(
                file_id=file_id,
                to=to,
                max_concurrency=jobs,
                resume=resume,
                overwrite=force,
                on_progress=bar.report,
            )
    except KeyboardInterrupt:
        again = "The same command goes on." if resume else "The same command begins again."
        interrupted(f"interrupted. {again}")
    except FileExistsError as error:
        fail(f"{error.filename} is there already. --force replaces it, --to names another place.")


def _check_pouring(*, as_json: bool) -> None:
    if as_json:
        fail("--to - writes the File itself; --json has no place there.", status=USAGE)
    if sys.stdout.isatty():
        fail("--to - writes bytes, and this is a terminal. Redirect it: > FILE", status=USAGE)


def _pour(client: "Heavylift", file_id: str) -> None:
    client.files.download_file(file_id=file_id, to=sys.stdout.buffer)
