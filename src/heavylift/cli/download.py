"""`heavylift download`: a File onto the disk, resumable, verified and put in place whole; or to a pipe."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heavylift.cli import completing
from heavylift.cli.amounts import show_bytes
from heavylift.cli.connection import connected, server_of
from heavylift.cli.exits import KEY_REFUSED, UNREACHABLE, USAGE, fail, interrupted
from heavylift.cli.output import AsJson, as_data, examples, show_json, show_table

if TYPE_CHECKING:
    from heavylift.cli.connection import Server
    from heavylift.client.client import Heavylift
    from heavylift.client.models import DownloadedFile

EXAMPLES = examples(
    'heavylift download "$FILE" --to copy.jsonl',
    'heavylift download "$FILE" --to - | wc --lines',
    "heavylift download --purpose fine-tune --to fine-tune",
)

FILES = "Ids of Files, or names that only one File has."
FileIds = Annotated[list[str], typer.Argument(metavar="FILE...", help=FILES, autocompletion=completing.files)]
SomeIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE...", help=FILES, show_default=False, autocompletion=completing.files),
]
Purpose = Annotated[
    str | None,
    typer.Option(help="All Files of this purpose.", show_default=False, autocompletion=completing.purposes),
]
To = Annotated[
    str,
    typer.Option(metavar="PATH", help="A file, a folder to put it in under its own name, or - for a pipe."),
]
Files = Annotated[int, typer.Option("--files", min=1, max=64, help="Most Files in flight, of many.")]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="Most ranges in flight.")]
Resume = Annotated[bool, typer.Option("--resume/--no-resume", help="Go on with an interrupted download.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]


def download(
    context: typer.Context,
    file_id: SomeIds = None,
    purpose: Purpose = None,
    to: To = ".",
    jobs: Jobs = 4,
    files: Files = 8,
    resume: Resume = True,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Download Files: in parallel ranges, verified on the disk, put in place whole.

    Until then its bytes are in a file of the download's own beside the target, heavylift-*.part.
    After an interruption the same command fetches only what is missing or damaged. What is no
    regular file is never replaced; a pipe or a device is written into. Several Files, and those
    of a purpose, go into the folder --to, where their names say; what is there already with the
    same checksum is left out, and one that fails does not keep the others.
    """
    from heavylift.cli.waiting import Waiting

    asked = file_id or []
    if bool(asked) == (purpose is not None):
        fail("name Files, or all of a purpose by --purpose: one of the two.", status=USAGE)
    many = purpose is not None or len(asked) > 1
    if many and to == "-":
        fail("--to - takes one File; `heavylift cat` writes several.", status=USAGE)
    if to == "-":
        _check_pouring(as_json=as_json)
    with connected(context, retries=None, hooks=[Waiting()]) as client:
        ids, status = _known(client, server_of(context), asked)
        if many:
            from heavylift.cli.fetchmany import Wishes, fetch_many

            wishes = Wishes(
                file_ids=None if purpose is not None else ids,
                purpose=purpose,
                to=to,
                files=files,
                jobs=jobs,
                resume=resume,
                force=force,
            )
            fetched = fetch_many(client, server_of(context), wishes, as_json=as_json)
            raise typer.Exit(status or fetched)
        if to == "-":
            _pour(client, ids[0])
            return
        saved = _fetch(client, ids[0], to, jobs=jobs, resume=resume, force=force)
    if as_json:
        show_json(as_data(saved))
        return
    if not Path(saved.path).is_file():  # a pipe or a device, which may be standard output under another name
        return
    checked = "verified" if saved.verified else "not verified: the server shows no checksum"
    show_table(("path", "size", "checksum"), [(saved.path, show_bytes(saved.bytes), checked)])


def _known(client: "Heavylift", server: "Server", asked: list[str]) -> tuple[list[str], int]:
    """Ids of those that are known by one; the exit code of the first that is not. Out if there is none."""
    from heavylift.cli.several import Names, each

    names, ids = Names(client), list[str]()
    status = each(server, asked, lambda name: ids.append(names.id_of(name)), alone=len(asked) == 1)
    if status and (not ids or status in {KEY_REFUSED, UNREACHABLE}):
        raise typer.Exit(status)
    return ids, status


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


def _check_pouring(*, as_json: bool) -> None:
    if as_json:
        fail("--to - writes the File itself; --json has no place there.", status=USAGE)
    if sys.stdout.isatty():
        fail("--to - writes bytes, and this is a terminal. Redirect it: > FILE", status=USAGE)


def _pour(client: "Heavylift", file_id: str) -> None:
    client.files.download_file(file_id=file_id, to=sys.stdout.buffer)
