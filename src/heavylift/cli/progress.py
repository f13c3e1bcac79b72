"""The progress bar: bytes, rate, time left, parts in flight, retries; on a terminal only."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Display
from rich.table import Column
from rich.text import Text

from heavylift.cli.amounts import show_bytes, show_span
from heavylift.cli.exits import one_line
from heavylift.cli.voice import VOICE
from heavylift.client.filesprogress import FilesProgress
from heavylift.client.progress import Progress

NAME_LETTERS = 24


class _Shown:
    """A line on standard error, for as long as it is entered."""

    def __init__(self, name: str) -> None:
        self._display = _display()
        self._task = self._display.add_task(name, total=None, said="")

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._display.stop()


class Bar(_Shown):
    """Shows one transfer on standard error. `latest` is the last report, None before the first."""

    def __init__(self, name: str) -> None:
        super().__init__(_short(name))
        self.latest: Progress | None = None

    def report(self, progress: Progress) -> None:
        """The SDK's `on_progress`: called from its threads, one at a time."""
        self.latest = progress
        self._display.update(
            self._task,
            completed=progress.bytes_done,
            total=progress.bytes_total,
            said=words(progress),
        )


class TotalBar(_Shown):
    """Shows many transfers as one, on standard error."""

    def __init__(self) -> None:
        super().__init__("files")

    def report(self, progress: FilesProgress, said: str) -> None:
        """Called from the SDK's threads, one at a time."""
        self._display.update(self._task, completed=progress.bytes_done, total=progress.bytes_total, said=said)


def _display() -> Display:
    console = Console(stderr=True)
    return Display(
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[said]}", markup=False, table_column=Column(no_wrap=True)),
        console=console,
        transient=True,
        expand=True,
        disable=not (console.is_terminal and VOICE.progress),
    )


def words(progress: Progress) -> str:
    """The numbers beside the bar."""
    done = f"{show_bytes(progress.bytes_done)} of {show_bytes(progress.bytes_total)}"
    if progress.phase == "finishing":
        return f"{done}, finishing"
    said = [done, f"{show_bytes(progress.rate)}/s", show_span(progress.eta_seconds)]
    said.append(f"{progress.parts_in_flight} in flight")
    if progress.retries:
        said.append(f"{progress.retries} {'retry' if progress.retries == 1 else 'retries'}")
    return ", ".join(said)


def _short(name: str) -> str:
    name = one_line(name)
    return Text(name if len(name) <= NAME_LETTERS else f"…{name[1 - NAME_LETTERS :]}").plain
