"""Errors that the kernel answers with, injected by strace into a running process."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.crash.fatal import BOUND, cannot


@contextmanager
def failing(
    pid: int, calls: str, error: str, *, log: Path, path: Path | None = None, met: bool = True
) -> Iterator[None]:
    """Within the block, these calls of the process (of `path` alone, if given) fail with that error.

    `log` is a file that may be written to. The block fails if no such call was made, unless it need not be
    `met`.
    """
    if shutil.which("strace") is None:
        cannot("strace is not installed: `python -m tests.engines` installs what the tests need")
    only = ["-P", str(path)] if path else []
    command = ["strace", "-f", "-o", str(log), *only, "-p", str(pid)]
    command += ["-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        if "attached" not in (said := strace.stderr.readline()):
            cannot(f"strace cannot trace a process here: {said}")
        try:
            yield
        finally:
            strace.terminate()
            strace.communicate(timeout=BOUND)
    assert not met or f"{error} " in log.read_text()
    assert not met or "(INJECTED)" in log.read_text()
