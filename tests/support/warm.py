"""Commands of heavylift, each a process of its own, forked from one that has imported everything already.

To import takes ten times as long as what most commands do, and the tests run a thousand of them. What a test
gets is what `subprocess.run` would give it: a process with its own streams, folder and variables, which runs
`python -m heavylift.cli` from its first line to its last. How an interpreter starts, what is imported when,
and what becomes of signals is left to the tests that start commands by themselves.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Final

from tests.support.nursery import Asked

ROOT: Final = Path(__file__).parents[2]

AT_START: Final = ("PYTHON", "LC_", "LANG", "LD_", "TERMINAL_WIDTH", "TYPER_", "_TYPER_", "FORCE_TERMINAL")
"""How names of variables begin that are looked at once: when an interpreter starts, or at an import."""


def run(
    words: list[str], *, env: Mapping[str, str], cwd: Path, given: bytes, timeout: float
) -> subprocess.CompletedProcess[bytes]:
    """One command to its end, its output captured. `given`: its standard input; `timeout` in seconds."""
    if sys.platform != "linux" or any(name.startswith(AT_START) for name in env):
        command = [sys.executable, "-m", "heavylift.cli", *words]
        return subprocess.run(
            command, cwd=cwd, env=env, input=given, capture_output=True, timeout=timeout, check=False
        )
    told, pipes = _fork({"words": words, "env": dict(env), "cwd": str(cwd)})
    said: list[bytes] = [b"", b""]
    threads = [
        threading.Thread(target=_read_all, args=(stream, said, place))
        for place, stream in enumerate(pipes[1:])
    ]
    threads.append(threading.Thread(target=_write_all, args=(pipes[0], given)))
    with told:
        told.settimeout(timeout)
        pid = int(told.recv(64))
        for thread in threads:
            thread.start()
        try:
            status = int(told.recv(64))
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            raise
        finally:
            for thread in threads:
                thread.join()
    return subprocess.CompletedProcess(words, status, *said)


def _fork(asked: Asked) -> tuple[socket.socket, list[IO[bytes]]]:
    """Where its number and its exit status come from, and our ends of its three streams."""
    told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    given, stdin = os.pipe()
    stdout, out = os.pipe()
    stderr, err = os.pipe()
    try:
        socket.send_fds(_nursery(), [json.dumps(asked).encode()], [theirs.fileno(), given, out, err])
    finally:
        theirs.close()
        for descriptor in (given, out, err):
            os.close(descriptor)
    return told, [os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb"), os.fdopen(stderr, "rb")]


def _read_all(stream: IO[bytes], said: list[bytes], place: int) -> None:
    with stream:
        said[place] = stream.read()


def _write_all(stream: IO[bytes], given: bytes) -> None:
    with suppress(BrokenPipeError), stream:
        stream.write(given)


@cache
def _nursery() -> socket.socket:
    """The way to the process that forks, which ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery", str(theirs.fileno())],
            cwd=ROOT,
            env=plain,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
