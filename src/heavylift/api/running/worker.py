"""The process of one worker: what it is told on its command line, and by its supervisor through a socket.

The supervisor writes one byte for each order, a worker one byte when it serves and then for each sign of
life. Signals are the supervisor's alone: a terminal, or an init, sends them to a whole group, and whoever
obeys twice cuts off what it should finish. Only SIGTERM makes a worker drain, as an order would. When the
socket ends the supervisor is gone. Then a worker leaves its port to whoever serves next, and finishes
what it began.
"""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any, Final, Self

import structlog

from heavylift.api.running.board import Board
from heavylift.api.running.listening import Listening
from heavylift.api.running.process import Process
from heavylift.api.running.single import HARMLESS, leave, make_process, run_loop

log = structlog.get_logger("heavylift.server")

MODULE: Final = "heavylift.api.running.worker"

RETIRE: Final = b"r"
DRAIN: Final = b"d"
END: Final = b"e"
"""Orders: see `api.running.process`."""

ALIVE: Final = b"."


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a worker is told: which application ("module:factory"), how to listen, the numbers of its
    descriptors (the listening socket, its supervisor's, the board's) and its seat at the board."""

    app: str
    listening: Listening
    listener: int
    supervisor: int
    board: int
    seats: int
    seat: int

    @property
    def descriptors(self) -> list[int]:
        """All that the worker inherits."""
        return [self.listener, self.supervisor, self.board]

    def command(self) -> list[str]:
        """How such a worker is started. -P: nothing is imported from the folder that it happens to run in."""
        told = {**asdict(self), "listening": self.listening.told()}
        return [sys.executable, "-P", "-m", MODULE, json.dumps(told)]

    @classmethod
    def read(cls, text: str) -> Self:
        """What `command` wrote."""
        told = json.loads(text)
        return cls(**{**told, "listening": Listening.heard(told["listening"])})


def load(app: str) -> Any:
    """The application that a factory makes, named as "module:factory"."""
    module, _, factory = app.partition(":")
    return getattr(import_module(module), factory)()


def main(told: str) -> None:
    """Run the worker that is described so."""
    for number in (signal.SIGINT, signal.SIGHUP, *HARMLESS):
        signal.signal(number, signal.SIG_IGN)
    post = Post.read(told)
    supervisor = socket.socket(fileno=post.supervisor)
    supervisor.setblocking(False)
    process = make_process(
        load(post.app), post.listening, [socket.socket(fileno=post.listener)],
        seat=Board(post.board, post.seats).seat(post.seat), alive=_signs_of_life(supervisor),
    )  # fmt: skip

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, process.drain)
        loop.add_reader(supervisor, _obey, supervisor, process)
        await process.run()

    run_loop(run())
    leave(0, at_once=process.cut_off)


def _signs_of_life(supervisor: socket.socket) -> Callable[[], None]:
    def alive() -> None:
        with suppress(OSError):  # full: it stands still itself; broken: `_obey` sees it
            supervisor.send(ALIVE)

    return alive


def _obey(supervisor: socket.socket, process: Process) -> None:
    try:
        said = supervisor.recv(64)
    except BlockingIOError:
        return
    except OSError:
        said = b""
    if not said:
        asyncio.get_running_loop().remove_reader(supervisor)
        log.warning("worker.orphaned", hint="its supervisor is gone: it finishes what it began, and ends")
        process.close()
    for order, do in ((RETIRE, process.retire), (DRAIN, process.drain), (END, process.end)):
        if order in said:
            do()


if __name__ == "__main__":
    main(sys.argv[1])
