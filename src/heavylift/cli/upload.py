"""`heavylift upload`: files of any size, in parts, several at once; goes on after an interruption."""

import os
import stat
from typing import TYPE_CHECKING, Annotated

import typer

from heavylift.cli import amounts
from heavylift.cli.connection import connected, server_of
from heavylift.cli.exits import USAGE, fail
from heavylift.cli.output import AsJson, examples

if TYPE_CHECKING:
    from heavylift.cli.sending import Wishes

EXAMPLES = examples(
    "heavylift upload big.jsonl --purpose fine-tune",
    "heavylift upload big.jsonl --jobs 16 --part-size 64M --expires-after 7d",
    "gzip --stdout big.jsonl | heavylift upload - --filename big.jsonl.gz",
    'FILE=$(heavylift upload big.jsonl --json | jq -r .file.id); echo "$FILE"',
)

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
    from heavylift.cli.sending import Wishes, send_all
    from heavylift.cli.waiting import Waiting

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
        statuses = send_all(client, server_of(context), paths, wishes, as_json=as_json)
    raise typer.Exit(next((status for status in statuses if status), 0))


def _check(paths: list[str], wishes: "Wishes") -> None:
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
