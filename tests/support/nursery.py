"""The process that commands of heavylift are forked from: it imports everything, then forks for whoever asks.

It has one thread. A request is a message that says what to run, with four descriptors: where to tell the
number of the process and later its exit status, and its three streams. `warm` asks.
"""

import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import selectors
import socket
import sys
import time
from contextlib import suppress
from typing import Final, TypedDict

LATE: Final = ("alembic.command", "rich.progress", "typer.rich_utils")
"""What libraries import only when it is used."""


class Asked(TypedDict):
    """A command: what stands behind its name, all of its variables, its folder."""

    words: list[str]
    env: dict[str, str]
    cwd: str


def import_everything() -> None:
    """All modules of heavylift, with all that they import."""
    import heavylift

    for module in pkgutil.walk_packages(heavylift.__path__, "heavylift."):
        if "__main__" not in module.name and ".versions." not in module.name:
            importlib.import_module(module.name)
    for name in LATE:
        importlib.import_module(name)
    assert len(os.listdir("/proc/self/task")) == 1, "what forks may have one thread only"
    gc.freeze()


def serve(asking: socket.socket) -> Asked | None:
    """Fork for every request. In a fork: what to run. In the nursery: None, once nobody can ask any more."""
    waiting = selectors.DefaultSelector()
    waiting.register(asking, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            if key.fileobj is not asking:
                waiting.unregister(key.fileobj)
                os.close(key.fd)
                _tell_end(*key.data)
                continue
            message, (told, *streams), _, _ = _received(asking)
            if not message:
                return None
            pid = os.fork()
            if not pid:
                _take(streams)
                asked: Asked = json.loads(message)
                return asked
            for descriptor in streams:
                os.close(descriptor)
            _tell(told, pid)
            waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, told))


def _received(asking: socket.socket) -> tuple[bytes, list[int], int, object]:
    message, descriptors, flags, address = socket.recv_fds(asking, 1 << 20, 4)
    return message, descriptors or [-1], flags, address


def _take(streams: list[int]) -> None:
    """Make them the standard streams, and let go of all else."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(3, max(map(int, os.listdir("/proc/self/fd"))) + 1)


def _tell_end(pid: int, told: int) -> None:
    _tell(told, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os.close(told)


def _tell(told: int, number: int) -> None:
    with suppress(BrokenPipeError):  # whoever started it does not want to know
        os.write(told, str(number).encode())


def become(asked: Asked) -> None:
    """Be what a new interpreter would be with these words, variables and folder."""
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    os.chdir(asked["cwd"])
    sys.path[0] = asked["cwd"]
    sys.argv = ["-m", *asked["words"]]
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(
            open(number, "rb" if number == 0 else "wb", closefd=False),  # noqa: SIM115 - open to the end
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=number == 2,
        )
        for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr))
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr


if __name__ == "__main__":
    own = socket.socket(fileno=int(sys.argv[1]))
    import_everything()
    if (command := serve(own)) is not None:
        own.detach()
        become(command)
        runpy.run_module("heavylift.cli", run_name="__main__", alter_sys=True)
