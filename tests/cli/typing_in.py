"""Running `heavylift` as people do: in a pipe, and at a terminal that is a real pseudo-terminal."""

import os
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support import warm

SECONDS = 90.0
"""A bound, not a wait."""

AT_TERMINAL = (
    "import os, signal, sys; os.login_tty(0); signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "os.execv(sys.executable, [sys.executable, '-m', 'heavylift.cli', *sys.argv[1:]])"
)
"""As after a login. Tests that a shell has put into the background would hand on that Ctrl-C is ignored."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A folder to work in, and the variables that are set there."""

    folder: Path
    variables: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the tests' own surroundings but what a program needs to run."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        own = {f"XDG_{kind.upper()}_HOME": str(self.folder / kind) for kind in ("state", "config")}
        return {**kept, **own, "TERM": "xterm", **self.variables}

    def run(self, *words: str, given: bytes = b"", **variables: str) -> "Ended":
        """One command in a pipe, to its end."""
        done = warm.run(
            list(words),
            env={**self.environment, **variables},
            cwd=self.folder,
            given=given,
            timeout=SECONDS,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str


@dataclass
class Terminal:
    """A command at a pseudo-terminal of 24 lines. `seen` is all it has shown."""

    desk: Desk
    words: tuple[str, ...]
    columns: int = 110
    seen: str = ""
    status: int | None = None
    master: int = field(init=False)
    process: subprocess.Popen[bytes] = field(init=False)

    def __enter__(self) -> Self:
        self.master, slave = os.openpty()
        termios.tcsetwinsize(slave, (24, self.columns))
        self.process = subprocess.Popen(
            [sys.executable, "-c", AT_TERMINAL, *self.words],
            cwd=self.desk.folder,
            env=self.desk.environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        return self

    @property
    def plain(self) -> str:
        """What it has shown, without what makes letters bold."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.seen)

    def press_ctrl_c(self) -> None:
        """As a person does: the terminal makes a signal of it."""
        os.write(self.master, b"\x03")

    def enter(self, text: str) -> None:
        """As a person does."""
        os.write(self.master, text.encode())

    def end(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + SECONDS
        while self._read(deadline):
            pass
        self.status = self.process.wait(SECONDS)
        return self.status

    def until(self, text: str) -> None:
        """Read until this is shown."""
        deadline = time.monotonic() + SECONDS
        while text not in self.seen:
            assert self._read(deadline), f"it ended without {text!r}: {self.seen}"

    def _read(self, deadline: float) -> bool:
        """Some more of what it shows; false when it has ended."""
        ready, _, _ = select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"silence: {self.seen}"
        try:
            data = os.read(self.master, 65536)
        except OSError:  # how Linux says that nobody holds the other end any more
            return False
        self.seen += data.decode("utf-8", "replace")
        return bool(data)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(SECONDS)
        os.close(self.master)
