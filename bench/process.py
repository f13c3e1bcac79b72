"""A server under measurement: started on loopback, watched through /proc, stopped for good."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from bench.toolbox import Missing

START_SECONDS = 60.0
STOP_SECONDS = 20.0
LOOK_SECONDS = 0.02


class Process:
    """A process and its descendants. Their output goes to `log`."""

    def __init__(
        self, words: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path | None = None
    ) -> None:
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
            )
        self._log = log

    @property
    def pid(self) -> int:
        """Of the first of the family."""
        return self._process.pid

    def family(self) -> list[int]:
        """The ids of all its processes that run."""
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.pid)
            return [self.pid, *(child.pid for child in first.children(recursive=True))]
        return []

    def wait_for(self, ready: Callable[[], bool], *, seconds: float = START_SECONDS) -> None:
        """Look again and again until it is ready. Raises Missing if it ends before, or takes too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                said = self._log.read_text(errors="replace").strip().splitlines()[-3:]
                raise Missing(f"it did not start: {' / '.join(said)}")
            time.sleep(LOOK_SECONDS)

    def said(self) -> str:
        """All that it has written."""
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """End it, and what it has started. Repeatable."""
        left = [psutil.Process(pid) for pid in self.family()]
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()


def free_port() -> int:
    """A port of loopback that nobody has, most likely for a while."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def cpu_seconds(pids: Sequence[int]) -> float:
    """Processor time that the processes have used so far, threads that ended included."""
    total = 0.0
    for pid in pids:
        with suppress(OSError):  # it has ended
            total += time.clock_gettime((~pid << 3) | 2)  # Linux: the CPU clock of another process
    return total


def forget_peak(pids: Sequence[int]) -> None:
    """Let `peak_bytes` count from now on."""
    for pid in pids:
        with suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def peak_bytes(pids: Sequence[int]) -> int:
    """The sum of the largest resident sizes (VmHWM), file-backed pages that are shared included."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
                if line.startswith("VmHWM:"):
                    total += int(line.split()[1]) * 1024
    return total
