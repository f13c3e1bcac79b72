"""Processes that stand still, as on a machine that hangs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.e2e.wire import eventually

STOPPED, GONE = "T", ("X", "Z")
"""A thread's state in proc(5)."""


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """No thread of these processes runs within the block. After it all go on that still live."""
    processes = [psutil.Process(pid) for pid in pids]
    for process in processes:
        process.suspend()
    try:
        for process in processes:
            _await_standstill(process.pid)
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def _await_standstill(pid: int) -> None:
    """A stop takes effect on each thread when it is next scheduled. Until then it may answer a request."""
    eventually(
        lambda: {_state(pid, thread) for thread in os.listdir(f"/proc/{pid}/task")} <= {STOPPED, *GONE}
    )


def _state(pid: int, thread: str) -> str:
    """The letter after the name, which is in parentheses and may hold any."""
    try:
        said = Path(f"/proc/{pid}/task/{thread}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return GONE[0]
    return said.rpartition(")")[2].split()[0]
