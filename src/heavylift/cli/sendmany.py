"""Folders and many files for `heavylift upload`: one bar for all, a line for each, and what is left to do."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import typer

from heavylift.cli.amounts import show_bytes, show_span
from heavylift.cli.connection import Server
from heavylift.cli.exits import FAILED, USAGE, complain, interrupted, one_line, say
from heavylift.cli.failures import explained, facts_of, status_of
from heavylift.cli.output import as_data, show_json
from heavylift.cli.progress import TotalBar
from heavylift.cli.sending import Wishes
from heavylift.client.client import Heavylift
from heavylift.client.disk.folders import Choice
from heavylift.client.filesprogress import FilesProgress
from heavylift.client.models import FileResult
from heavylift.client.stories.uploadfiles import OnePath, chosen

SHOWN_FAILURES: Final = 20
"""Lines about files that failed; the summary counts all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """What the command line asks for about folders and lists of files."""

    paths: Sequence[OnePath]
    choice: Choice
    files: int
    skip_existing: bool


def _cells(result: FileResult) -> tuple[str, ...]:
    file = result.file
    return () if file is None else (file.id, result.filename, show_bytes(file.bytes))


@dataclass(slots=True)
class Tally:
    """What became of all files: a line for each as it ends, and the counts.

    `verb` and `does` say what is done with a file, `cells` what its line tells.
    """

    server: Server
    as_json: bool
    verb: str = "sent"
    does: str = "sends"
    cells: Callable[[FileResult], Sequence[str]] = _cells
    sent: int = 0
    skipped: int = 0
    failed: int = 0
    size: int = 0
    status: int = 0

    def add(self, result: FileResult) -> None:
        """The SDK's `on_result`: called one at a time."""
        if result.error is not None:
            self._failed(result, result.error)
        elif result.skipped:
            self.skipped += 1
            say(f"{result.path}: left out: {result.skipped}.")
        elif result.file is not None:
            self.sent += 1
            self.size += result.file.bytes
            if not self.as_json:
                typer.echo("\t".join(map(one_line, self.cells(result))))
        if self.as_json:
            show_json(self._data(result))

    def _why(self, error: Exception) -> str:
        return explained(error, server_url=self.server.url, secret=self.server.api_key)

    def _failed(self, result: FileResult, error: Exception) -> None:
        self.failed += 1
        status = status_of(error)
        self.status = self.status or (FAILED if status == USAGE else status)  # other files are sent
        if self.failed <= SHOWN_FAILURES or self.as_json:
            told = f"{result.path}: {self._why(error).removeprefix(f'{result.path}: ')}"
            complain(told, status=status, facts=facts_of(error))

    def _data(self, result: FileResult) -> dict[str, object]:
        data: dict[str, object] = {"path": _text(result.path), "filename": _text(result.filename)}
        if result.file is not None:
            data["file"] = as_data(result.file)
        if result.skipped:
            data["skipped"] = result.skipped
        if result.error is not None:
            data["error"] = self._why(result.error)
        return data

    def summary(self) -> str:
        """All of it in a sentence."""
        done = f"{self.sent} {self.verb} ({show_bytes(self.size)})"
        said = f"{done}, {self.skipped} left out, {self.failed} failed"
        again = f" The same command {self.does} just what failed." if self.failed else ""
        return f"{said}.{again}"


def _text(name: str) -> str:
    """A name that need not be text, as text."""
    return name.encode("utf-8", "backslashreplace").decode()


def send_many(client: Heavylift, server: Server, many: Many, wishes: Wishes, *, as_json: bool) -> int:
    """All of them, several at once; the exit code."""
    tally = Tally(server, as_json)
    bar = TotalBar()
    try:
        with bar:
            client.files.upload_files(
                many.paths,
                purpose=wishes.purpose,
                include=many.choice.include,
                exclude=many.choice.exclude,
                mime_type=wishes.mime_type,
                part_size=wishes.part_size,
                files=many.files,
                max_concurrency=wishes.jobs,
                expires_after=wishes.expires_after,
                resume=wishes.resume,
                on_failure="auto" if wishes.keep else "cancel",
                skip_existing=many.skip_existing,
                on_result=tally.add,
                on_progress=lambda progress: bar.report(progress, words(progress)),
            )
    except KeyboardInterrupt as stop:
        again = "The same command goes on." if wishes.resume else "The same command begins again."
        notes = "".join(f" {note}" for note in getattr(stop, "__notes__", ()))
        interrupted(f"interrupted: {tally.sent} sent, {tally.failed} failed. {again}{notes}")
    say(tally.summary())
    return tally.status


def words(progress: FilesProgress) -> str:
    """The numbers beside the bar."""
    of_files = "" if progress.files_total is None else f" of {progress.files_total}"
    of_bytes = "" if progress.bytes_total is None else f" of {show_bytes(progress.bytes_total)}"
    said = [
        f"{progress.files_done}{of_files} files",
        f"{show_bytes(progress.bytes_done)}{of_bytes}",
        f"{show_bytes(progress.rate)}/s",
        show_span(progress.eta_seconds),
    ]
    return ", ".join(said)


def would_send(many: Many) -> int:
    """What would be sent, a line each; nothing is asked of a server. The exit code."""
    files = size = failed = 0
    for found in chosen(many.paths, many.choice):
        if found.error is not None or found.odd:
            failed += found.error is not None
            reason = found.odd or (found.error and found.error.strerror) or "it cannot be read"
            say(f"{found.path}: would be left out: {reason}.")
            continue
        files, size = files + 1, size + found.size
        typer.echo(f"{one_line(found.name)}\t{show_bytes(found.size)}")
    say(f"{files} files, {show_bytes(size)} would be sent; {failed} cannot be read.")
    return int(failed > 0)


def listed(source: str) -> Iterator[OnePath]:
    """The paths of a list, each with the name of its File: one a line, or parted by NUL if there is any."""
    if source == "-":
        content = sys.stdin.buffer.read()
    else:
        with open(source, "rb") as file:
            content = file.read()
    parted = content.split(b"\0") if b"\0" in content else content.splitlines()
    for raw in filter(None, parted):
        path = raw.decode(sys.getfilesystemencoding(), "surrogateescape")
        steps = path.removeprefix("./").split("/")
        below = not {"", ".", ".."} & set(steps)
        yield path, "/".join(steps) if below else steps[-1]
