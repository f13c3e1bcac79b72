"""What every measured server can do: start in a folder, say which processes it is, take bodies, stop."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from bench.load import Load
from bench.process import Process, free_port, listens


class Peer:
    """A server in a process of its own. A subclass says how it is called and what it is sent."""

    name = ""
    share = 1.0
    """Of the requests that others get: a slow server need not take all evening."""

    def __init__(self, folder: Path) -> None:
        """`folder` is its alone, and is there already."""
        self.folder = folder
        self.port = free_port()
        self.process: Process

    def words(self) -> Sequence[str]:
        """Its command line. Raises Missing where it cannot be had."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Variables that it gets besides ours."""
        return {}

    def ready(self) -> bool:
        """Whether it serves."""
        return listens(self.port)

    def prepare(self) -> None:
        """What is to be done once after its start."""

    def send(self, *, size: int) -> Load:
        """One body of `size` bytes, to be stored. Each call may prepare a fresh place for them."""
        raise NotImplementedError

    def finished(self) -> Sequence[Path]:
        """Folders whose files may be deleted as soon as they are closed."""
        return []

    def start(self) -> Self:
        """Run it. Returns when it serves; raises Missing if it cannot."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("HEAVYLIFT_")}
        self.process = Process(
            self.words(), log=self.folder / "log", env=env | dict(self.environment()), cwd=self.folder
        )
        self.process.wait_for(self.ready)
        self.prepare()
        return self

    def stop(self) -> None:
        """End it."""
        self.process.stop()


@contextmanager
def running(peer: Peer) -> Iterator[Peer]:
    """The peer for the length of a `with` block."""
    peer.start()
    try:
        yield peer
    finally:
        peer.stop()
