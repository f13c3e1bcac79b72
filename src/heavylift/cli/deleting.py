"""`heavylift files delete`: Files by id or name, or all that fit a rule, after a question."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from heavylift.cli import amounts
from heavylift.cli.connection import connected, server_of
from heavylift.cli.download import Purpose, SomeIds
from heavylift.cli.exits import USAGE, fail, one_line, say
from heavylift.cli.output import AsJson, as_data, examples, show_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heavylift.cli.connection import Server
    from heavylift.cli.several import Names
    from heavylift.client.client import Heavylift
    from heavylift.client.models import File

EXAMPLES = examples(
    'heavylift files delete "$FILE"',
    "heavylift files delete --purpose batch --older-than 30d --dry-run",
    "heavylift files delete --purpose batch --older-than 30d --yes",
)

OlderThan = Annotated[
    int | None,
    typer.Option(
        metavar="TIME",
        parser=amounts.seconds,
        show_default=False,
        help="All Files that were made longer ago: 12h, 30d, 4w, or seconds.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before Files are deleted by a rule.")]


def delete(
    context: typer.Context,
    file_id: SomeIds = None,
    purpose: Purpose = None,
    older_than: OlderThan = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete Files for good: those that are named, or all that a purpose and an age describe.

    By a rule, a terminal is asked first; elsewhere `--yes` is needed. One that cannot be
    deleted does not keep the others. `heavylift rm` is the same.
    """
    from heavylift.cli.several import Names, for_each

    by_rule = purpose is not None or older_than is not None
    if by_rule == bool(file_id):
        fail("name Files, or say which ones by --purpose and --older-than: one of the two.", status=USAGE)
    if by_rule and not (dry_run or yes or sys.stdin.isatty()):
        fail("--yes deletes by a rule without a question, --dry-run says what would go.", status=USAGE)
    with connected(context) as client:
        known, names = Names(client), file_id or []
        if by_rule or dry_run:
            server, status = server_of(context), 0
            if by_rule:
                found = _ruled(client, purpose, older_than)
            else:
                found, status = _named(client, server, known, names)
            if dry_run:
                _tell(found, as_json=as_json)
                raise typer.Exit(status)
            if not _agreed(found, yes=yes):
                say("nothing was deleted.")
                return
            names = [file.id for file in found]

        def one(name: str) -> None:
            receipt = client.files.delete_file(known.id_of(name))
            if as_json:
                show_json(as_data(receipt))
            else:
                typer.echo(f"{one_line(receipt.id)}\tdeleted")

        for_each(server_of(context), names, one)


def _ruled(client: "Heavylift", purpose: str | None, older_than: int | None) -> "list[File]":
    """The Files that the rule means. It is held against what each of them says: not every server filters.
    One whose age is not told is not older than anything."""
    before = None if older_than is None else time.time() - older_than
    return [
        file
        for file in client.files.list_files(purpose=purpose)
        if (purpose is None or file.purpose == purpose) and (before is None or 0 < file.created_at < before)
    ]


def _named(
    client: "Heavylift", server: "Server", known: "Names", names: list[str]
) -> "tuple[list[File], int]":
    """Those that are there, and the exit code of the first that is not."""
    from heavylift.cli.several import each

    found: list[File] = []

    def one(name: str) -> None:
        found.append(client.files.retrieve_file(known.id_of(name)))

    return found, each(server, names, one, alone=len(names) == 1)


def _agreed(found: "Sequence[File]", *, yes: bool) -> bool:
    """Whether they are to be deleted."""
    if yes or not found:
        return True
    for file in found:
        typer.echo(_line(file), err=True)
    return typer.confirm(f"Delete {_counted(found)} for good?", err=True)


def _tell(found: "Sequence[File]", *, as_json: bool) -> None:
    """What would be deleted."""
    for file in found:
        if as_json:
            show_json(as_data(file))
        else:
            typer.echo(_line(file))
    say(f"nothing was deleted; it would be {_counted(found)}.")


def _line(file: "File") -> str:
    cells = (file.id, file.filename, amounts.show_bytes(file.bytes), amounts.show_moment(file.created_at))
    return "\t".join(map(one_line, cells))


def _counted(found: "Sequence[File]") -> str:
    size = amounts.show_bytes(sum(file.bytes for file in found))
    return f"{len(found)} {'File' if len(found) == 1 else 'Files'}, {size}"
