"""`heavylift upload`: files of any size, in parts, several at once; goes on after an interruption."""

import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from heavylift.cli import amounts
from heavylift.cli.connection import Server, Waiting, connected, server_of
from heavylift.cli.exits import INTERRUPTED, KEY_REFUSED, UNREACHABLE, USAGE, explained, fail, say, status_of
from heavylift.cli.output import AsJson, as_data, examples, show_json, show_table
from heavylift.cli.progress import Bar
from heavylift.client.client import Heavylift
from heavylift.client.errors import HeavyliftError
from heavylift.client.models import Upload
from heavylift.client.options import RequestOptions
from heavylift.client.progress import Progress
from heavylift.client.retries import RetryConfig

EXAMPLES = examples(
    "heavylift upload big.jsonl --purpose fine-tune",
    "heavylift upload big.jsonl --jobs 16 --part-size 64M --expires-after 7d",
    "gzip --stdout big.jsonl | heavylift upload - --filename big.jsonl.gz",
    'FILE=$(heavylift upload big.jsonl --json | jq -r .file.id); echo "$FILE"',
)

CANCEL = RequestOptions(retries=RetryConfig("none"), timeout_ms=5_000)

Paths = Annotated[list[str], typer.Argument(metavar="PATH...", help="Files to upload; - is standard input.")]
Purpose = Annotated[
    str,
    typer.Option(help="What the File is for: assistants, batch, fine-tune, vision, user_data or evals."),
]
PartSize = Annotated[
    int | None,
    typer.Option(
        metavar="SIZE",
        parser=amounts.size,
        show_default=False,
        help="Bytes in a part, such as 16M; 64M at most. Default: fits the file.",
    ),
]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="Most parts in flight; it adapts below that.")]
Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Go on with an earlier, unfinished upload of this path.")
]
MimeType = Annotated[
    str | None, typer.Option(help="The file's MIME type. Default: by its name.", show_default=False)
]
Filename = Annotated[
    str | None,
    typer.Option(help="Its name on the server, for one file. Needed for standard input.", show_default=False),
]
UploadId = Annotated[
    str | None,
    typer.Option(
        "--upload-id",
        metavar="ID",
        show_default=False,
        help="Go on with this Upload, begun elsewhere from the same file (heavylift servers).",
    ),
]
Keep = Annotated[
    bool,
    typer.Option("--keep/--no-keep", help="After Ctrl-C: keep the upload to go on with, or cancel it."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for, apart from the paths."""

    purpose: str
    part_size: int | None
    jobs: int
    resume: bool
    expires_after: int | None
    mime_type: str | None
    filename: str | None
    upload_id: str | None
    keep: bool


def upload(
    context: typer.Context,
    paths: Paths,
    purpose: Purpose = "user_data",
    part_size: PartSize = None,
    jobs: Jobs = 8,
    resume: Resume = True,
    expires_after: amounts.ExpiresAfter = None,
    mime_type: MimeType = None,
    filename: Filename = None,
    upload_id: UploadId = None,
    keep: Keep = True,
    as_json: AsJson = False,
) -> None:
    """Upload files of any size: in parts, several at once, every part checked.

    Ctrl-C, a crash or a lost connection loses nothing: the same command sends only what is
    missing. With several files, one that fails does not keep the others from being sent.
    With --json every file is a line with its completed Upload.
    """
    wishes = Wishes(
        purpose=purpose,
        part_size=part_size,
        jobs=jobs,
        resume=resume,
        expires_after=expires_after,
        mime_type=mime_type,
        filename=filename,
        upload_id=upload_id,
        keep=keep,
    )
    _check(paths, wishes)
    with connected(context, retries=None, hooks=[Waiting()]) as client:
        statuses = _send_all(client, server_of(context), paths, wishes, as_json=as_json)
    raise typer.Exit(next((status for status in statuses if status), 0))


def _check(paths: list[str], wishes: Wishes) -> None:
    """Before the first byte is sent: is everything there, and does it fit together?"""
    alone = [
        name for name, value in (("--filename", wishes.filename), ("--upload-id", wishes.upload_id)) if value
    ]
    if alone and len(paths) > 1:
        fail(f"{alone[0]} is about one file, but {len(paths)} are given.", status=USAGE)
    if "-" in paths and not wishes.filename:
        fail("standard input has no name: say what the File is called with --filename.", status=USAGE)
    if "-" in paths and wishes.upload_id:
        fail("standard input cannot be read twice, so --upload-id needs a file.", status=USAGE)
    for path in paths:
        if path != "-":
            _check_file(path)


def _check_file(path: str) -> None:
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        fail(f"{path}: {getattr(error, 'strerror', None) or error}. Check the path.", status=USAGE)
    if stat.S_ISDIR(mode):
        fail(f"{path} is a directory. Name its files: {path.rstrip('/')}/*", status=USAGE)


def _send_all(
    client: Heavylift, server: Server, paths: list[str], wishes: Wishes, *, as_json: bool
) -> list[int]:
    """One file after the other; their exit codes. The rest is left when nobody would take it."""
    statuses = []
    for path in paths:
        try:
            done = _send(client, path, wishes)
        except BrokenPipeError:
            raise
        except (HeavyliftError, OSError) as error:
            statuses.append(status_of(error))
            about = f"{path}: " if len(paths) > 1 else ""
            say(about + explained(error, server_url=server.url, secret=server.api_key))
            if statuses[-1] in {KEY_REFUSED, UNREACHABLE}:
                break
        else:
            _show(done, as_json=as_json)
    return statuses


def _send(client: Heavylift, path: str, wishes: Wishes) -> Upload:
    bar = Bar(wishes.filename or Path(path).name)
    try:
        with bar:
            return _transfer(client, path, wishes, bar.report)
    except KeyboardInterrupt as stop:
        _interrupted(client, bar.latest, wishes, kept=bool(getattr(stop, "__notes__", ())))


def _transfer(client: Heavylift, path: str, wishes: Wishes, report: Callable[[Progress], object]) -> Upload:
    if wishes.upload_id is not None:
        return client.uploads.resume_upload(
            upload_id=wishes.upload_id,
            file=path,
            part_size=wishes.part_size,
            max_concurrency=wishes.jobs,
            on_progress=report,
        )
    return client.uploads.upload_file(
        file=sys.stdin.buffer if path == "-" else path,
        purpose=wishes.purpose,
        filename=wishes.filename,
        mime_type=wishes.mime_type,
        part_size=wishes.part_size,
        max_concurrency=wishes.jobs,
        expires_after=wishes.expires_after,
        resume=wishes.resume,
        on_progress=report,
    )


def _interrupted(client: Heavylift, latest: Progress | None, wishes: Wishes, *, kept: bool) -> NoReturn:
    """Say what became of the Upload, and how to go on."""
    if latest is None:
        fail("interrupted before anything was sent.", status=INTERRUPTED)
    if kept and not wishes.keep:
        client.uploads.cancel_upload(upload_id=latest.id, options=CANCEL)
        kept = False
    if not kept:
        fail(f"interrupted; {latest.id} is cancelled, and nothing of it is kept.", status=INTERRUPTED)
    fail(
        f"interrupted with {latest.parts_done} of {latest.parts_total} parts sent. The same command goes on;"
        f" `heavylift uploads cancel {latest.id}` gives it up.",
        status=INTERRUPTED,
    )


def _show(done: Upload, *, as_json: bool) -> None:
    if as_json:
        show_json(as_data(done))
        return
    file_id = done.file.id if done.file is not None else done.id
    show_table(("file", "name", "size"), [(file_id, done.filename, amounts.show_bytes(done.bytes))])
