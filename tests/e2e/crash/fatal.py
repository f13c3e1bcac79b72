"""A process that dies at its n-th durable change: the tracer, started and listened to."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BOUND = 60.0
"""Seconds for what takes a few hundredths of one."""


class Tracer:
    """What the tracer of one process has said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.victim: str | None = None
        """The call at which the process was killed; known when the `with` block is left."""

    @property
    def over(self) -> bool:
        """Whether the process was killed, or has ended by itself."""
        return self._process.poll() is not None


@contextmanager
def dying(pid: int, folder: Path, *, at: int) -> Iterator[Tracer]:
    """Within the block, the process dies at its `at`-th change under `folder`, or answer to a client."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.crash.tracer", str(pid), str(folder), str(at)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if process.stdout.readline() != "attached\n":
            cannot(f"no process can be traced here: {process.communicate(timeout=BOUND)}")
        tracer = Tracer(process)
        try:
            yield tracer
        finally:
            process.terminate()
            process.wait(BOUND)
            said = process.stdout.read().removeprefix("killed ").strip()
            tracer.victim = said or None
            assert process.returncode <= 0, process.stderr.read()


def cannot(reason: str) -> None:
    """Skip the test where a machine cannot run it, but never where the result counts."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
