"""Lines of the log on their way: gathered for a moment and written in one go, out of everybody's way.

A write for each request costs as much as the rest of a small one. So events wait up to GATHER for
others, as they are, and a thread of their own makes lines of them and writes. Nothing is lost when the
interpreter ends, by whatever way it can still do something; only SIGKILL takes the last moment's.
"""

import atexit
import json
import os
import threading
from collections import deque
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, TextIO, TypeAlias

import orjson

GATHER: Final = 0.02
"""Seconds: fifty writes a second at most, and nobody who looks at a log sees it late."""

MOST: Final = 10_000
"""Events that may wait: some 5 MB. If whoever reads the log is slower, those who log wait for him."""


Entry: TypeAlias = tuple[float, MutableMapping[str, Any] | str]
"""An event and its moment, or a line that is one already."""


class Lines:
    """Written to what `stream` gives at the time. For any thread."""

    def __init__(self, stream: Callable[[], TextIO]) -> None:
        self._stream = stream
        self._reset()
        atexit.register(self.flush)
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._waiting: deque[Entry] = deque()
        self._writing = threading.Lock()
        self._some = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, moment: float, event: MutableMapping[str, Any]) -> None:
        """One event. `moment` is Unix time in seconds."""
        self._put((moment, event))

    def write(self, text: str) -> None:
        """What is a line already, or several."""
        self._put((0.0, text))

    def flush(self) -> None:
        """Write what waits, now."""
        with self._writing:
            waiting = self._waiting
            text = "".join([_line(waiting.popleft()) for _ in range(len(waiting))])
            if text:
                stream = self._stream()
                with suppress(
                    OSError, ValueError
                ):  # nobody reads it any more: there is nobody to tell either
                    stream.write(text)
                    stream.flush()

    def _put(self, entry: Entry) -> None:
        self._waiting.append(entry)
        if not self._some.is_set():
            self._some.set()
            if self._thread is None:
                self._begin()
        if len(self._waiting) > MOST:
            self.flush()

    def _begin(self) -> None:
        with self._writing:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()  # never set
        while True:
            self._some.wait()
            pause.wait(GATHER)
            self._some.clear()  # first: what comes from now on is written now, or rings again
            self.flush()


def _line(entry: Entry) -> str:
    moment, event = entry
    if isinstance(event, str):
        return event
    when = datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
    said = {**event, "timestamp": when}
    try:
        return orjson.dumps(said, default=str).decode() + "\n"
    except TypeError:  # half a character, or a number beyond 64 bits: json says that too
        return json.dumps(said, default=str) + "\n"
