"""Several Files for `heavylift download`: into one folder, with one bar and a line each."""

from collections.abc import Sequence
from dataclasses import dataclass

from heavylift.cli.amounts import show_bytes
from heavylift.cli.connection import Server
from heavylift.cli.exits import interrupted, say
from heavylift.cli.progress import TotalBar
from heavylift.cli.sendmany import Tally, words
from heavylift.client.client import Heavylift
from heavylift.client.models import FileResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for: these Files, or all of a purpose."""

    file_ids: Sequence[str] | None
    purpose: str | None
    to: str
    files: int
    jobs: int
    resume: bool
    force: bool


def fetch_many(client: Heavylift, server: Server, wishes: Wishes, *, as_json: bool) -> int:
    """All of them, several at once; the exit code."""
    tally = Tally(server, as_json, verb="fetched", does="fetches", cells=_cells)
    bar = TotalBar()
    try:
        with bar:
            client.files.download_files(
                wishes.file_ids,
                purpose=wishes.purpose,
                to=wishes.to,
                files=wishes.files,
                max_concurrency=wishes.jobs,
                resume=wishes.resume,
                overwrite=wishes.force,
                on_result=tally.add,
                on_progress=lambda progress: bar.report(progress, words(progress)),
            )
    except KeyboardInterrupt:
        interrupted(f"interrupted: {tally.sent} fetched, {tally.failed} failed. The same command goes on.")
    say(tally.summary())
    return tally.status


def _cells(result: FileResult) -> tuple[str, str]:
    return result.path, show_bytes(result.file.bytes if result.file is not None else 0)
