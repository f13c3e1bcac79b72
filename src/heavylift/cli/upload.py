"""`heavylift upload`: files of any size, in parts, several at once; goes on after an interruption."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from heavylift.cli import amounts, completing
from heavylift.cli.connection import connected, server_of
from heavylift.cli.exits import USAGE, fail
from heavylift.cli.output import AsJson, examples

if TYPE_CHECKING:
    from heavylift.cli.sending import Wishes
    from heavylift.cli.sendmany import Many

EXAMPLES = examples(
    "heavylift upload big.jsonl --purpose fine-tune",
    "heavylift upload big.jsonl --jobs 16 --part-size 64M --expires-after 7d",
    "gzip --stdout big.jsonl | heavylift upload - --filename big.jsonl.gz",
    "heavylift upload . --include '*.jsonl' --dry-run",
    'FILE=$(heavylift upload big.jsonl --json | jq -r .file.id); echo "$FILE"',
)

Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH...", show_default=False, help="Files and folders to upload; - is standard input."
    ),
]
Include = Annotated[
    list[str] | None,
    typer.Option(metavar="PATTERN", show_default=False, help="Of a folder only files that fit: '*.jsonl'."),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(metavar="PATTERN", show_default=False, help="Of a folder no files and folders that fit."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")]
SkipExisting = Annotated[
    bool,
    typer.Option("--skip-existing", help="Leave out what the server has: same purpose, name, size, CRC-64."),
]
FilesFrom = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        show_default=False,
        help="A file of paths, one a line or parted by NUL; - is standard input.",
    ),
]
Files = Annotated[int, typer.Option("--files", min=1, max=64, help="Most files in flight, of many.")]
Check = Annotated[
    bool, typer.Option("--check", help="Look JSON lines through first, as `heavylift check` does.")
]
Purpose = Annotated[
    str,
    typer.Option(
        help="What the File is for: assistants, batch, fine-tune, vision, user_data or evals.",
        autocompletion=completing.purposes,
    ),
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
        autocompletion=completing.uploads,
        help="Go on with this Upload, begun elsewhere from the same file (heavylift servers).",
    ),
]
Keep = Annotated[
    bool,
    typer.Option("--keep/--no-keep", help="After Ctrl-C: keep the upload to go on with, or cancel it."),
]


def upload(
    context: typer.Context,
    paths: Paths = None,
    purpose: Purpose = "user_data",
    part_size: PartSize = None,
    jobs: Jobs = 8,
    resume: Resume = True,
    expires_after: amounts.ExpiresAfter = None,
    mime_type: MimeType = None,
    filename: Filename = None,
    upload_id: UploadId = None,
    keep: Keep = True,
    include: Include = None,
    exclude: Exclude = None,
    dry_run: DryRun = False,
    skip_existing: SkipExisting = False,
    files_from: FilesFrom = None,
    files: Files = 16,
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Upload files of any size: in parts, several at once, every part checked.

    Ctrl-C, a crash or a lost connection loses nothing: the same command sends only what is
    missing. Of a folder, all files below it are sent, named by their paths there; links are not
    followed. One that fails does not keep the others from being sent. Patterns are those of
    Python's fnmatch. With --json one file is a line with its completed Upload, each of many
    a line with its path and its File, or why not.
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
    paths = paths or []
    if files_from is not None or dry_run or skip_existing or len(paths) > 1 or any(map(os.path.isdir, paths)):
        many = _many(paths, files_from, wishes, include=include, exclude=exclude)
        many = replace(many, files=files, skip_existing=skip_existing)
        if check:
            _look_first(_regular(many), purpose, as_json=as_json)
        raise typer.Exit(_send_many(context, many, wishes, dry_run=dry_run, as_json=as_json))
    if include or exclude:
        fail("--include and --exclude are about folders.", status=USAGE)
    _check(paths, wishes, check=check)
    if check:
        _look_first(paths, purpose, as_json=as_json)
    with connected(context, retries=None, hooks=[Waiting()]) as client:
        status = send_all(client, server_of(context), paths, wishes, as_json=as_json)
    raise typer.Exit(status)


def _many(
    paths: list[str],
    files_from: str | None,
    wishes: "Wishes",
    *,
    include: list[str] | None,
    exclude: list[str] | None,
) -> "Many":
    from heavylift.cli.sendmany import Many, listed
    from heavylift.client.disk.folders import Choice

    _check_alone(paths, wishes, many=True)
    if "-" in paths:
        fail("standard input is one file: give it alone, with --filename.", status=USAGE)
    try:
        more = [] if files_from is None else list(listed(files_from))
    except OSError as error:
        fail(f"{files_from}: {error.strerror or error}.", status=USAGE)
    choice = Choice(include=include or (), exclude=exclude or ())
    return Many(paths=[*paths, *more], choice=choice, files=1, skip_existing=False)


def _send_many(
    context: typer.Context, many: "Many", wishes: "Wishes", *, dry_run: bool, as_json: bool
) -> int:
    from heavylift.cli.sendmany import send_many, would_send
    from heavylift.cli.waiting import Waiting

    if dry_run:
        return would_send(many)
    with connected(context, retries=None, hooks=[Waiting()]) as client:
        return send_many(client, server_of(context), many, wishes, as_json=as_json)


def _regular(many: "Many") -> Iterator[str]:
    """The files that can be sent."""
    from heavylift.client.stories.uploadfiles import chosen

    return (found.path for found in chosen(many.paths, many.choice) if not (found.odd or found.error))


def _look_first(paths: Iterable[str], purpose: str, *, as_json: bool) -> None:
    """Out unless all lines of these files are what the purpose needs."""
    from heavylift.cli.check import KINDS, look_through

    kind = KINDS.get(purpose)
    if kind is None:
        fail(f"--check knows the formats of {', '.join(KINDS)}: say which by --purpose.", status=USAGE)
    if look_through(paths, kind, as_json=as_json, err=True):
        fail("nothing was sent, because of what is wrong above.")


def _check_alone(paths: list[str], wishes: "Wishes", *, many: bool) -> None:
    alone = [
        name for name, value in (("--filename", wishes.filename), ("--upload-id", wishes.upload_id)) if value
    ]
    if alone and many:
        fail(f"{alone[0]} is about one file, but {len(paths)} are given.", status=USAGE)


def _check(paths: list[str], wishes: "Wishes", *, check: bool) -> None:
    """Before the first byte is sent: is everything there, and does it fit together?"""
    if not paths:
        fail("name a file or a folder to upload, or --files-from a list.", status=USAGE)
    if "-" in paths and not wishes.filename:
        fail("standard input has no name: say what the File is called with --filename.", status=USAGE)
    if "-" in paths and check:
        fail("standard input cannot be read twice, so --check needs a file.", status=USAGE)
    if "-" in paths and wishes.upload_id:
        fail("standard input cannot be read twice, so --upload-id needs a file.", status=USAGE)
    for path in paths:
        if path != "-":
            _check_file(path)


def _check_file(path: str) -> None:
    try:
        os.stat(path)
    except (OSError, ValueError) as error:
        fail(f"{path}: {getattr(error, 'strerror', None) or error}. Check the path.", status=USAGE)
