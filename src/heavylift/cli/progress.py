"""How far it is: a bar on a terminal, with bytes, rate, time left; elsewhere a line now and then."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Display
from rich.table import Column
from rich.text import Text

from heavylift.cli.amounts import show_bytes, show_span
from heavylift.cli.exits import one_line, say
from heavylift.cli.voice import VOICE
from heavylift.client.filesprogress import FilesProgress
from heavylift.client.progress import Progress

NAME_LETTERS = 24
LINE_SECONDS: Final = 10.0
"""Between two lines off a terminal. What is done sooner says nothing."""


class _Shown:
    """A line on standard error, for as long as it is entered; off a terminal, one every LINE_SECONDS."""

    def __init__(self, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._told = clock()
        console = Console(stderr=True)
        self._in_lines = VOICE.progress and not console.is_terminal
        self._display = _display(console)
        self._task = self._display.add_task(name, total=None, said="")

    def _show(self, done: int, total: int | None, said: str) -> None:
        """Called from the SDK's threads, one at a time."""
        self._display.update(self._task, completed=done, total=total, said=said)
        if self._in_lines and self._clock() - self._told >= LINE_SECONDS:
            self._told = self._clock()
            say(f"{self._name}: {said}")

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

    def __init__(self, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(_short(name), clock=clock)
        self.latest: Progress | None = None

    def report(self, progress: Progress) -> None:
        """The SDK's `on_progress`: called from its threads, one at a time."""
        self.latest = progress
        self._show(progress.bytes_done, progress.bytes_total, words(progress))


class TotalBar(_Shown):
    """Shows many transfers as one, on standard error."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__("files", clock=clock)

    def report(self, progress: FilesProgress, said: str) -> None:
        """Called from the SDK's threads, one at a time."""
        self._show(progress.bytes_done, progress.bytes_total, said)


def _display(console: Console) -> Display:
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
