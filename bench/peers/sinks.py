"""The floor: what a C program takes that does nothing but receive, write, and sync."""

from collections.abc import Sequence
from pathlib import Path

from bench.load import Load
from bench.peers.peer import Peer
from bench.toolbox import program


class Sink(Peer):
    """`mode`: discard, write, or sync."""

    def __init__(self, folder: Path, *, mode: str) -> None:
        super().__init__(folder)
        self.name = {"discard": "C: discard", "write": "C: write", "sync": "C: write, fdatasync"}[mode]
        self._mode = mode

    def words(self) -> Sequence[str]:
        (self.folder / "files").mkdir(exist_ok=True)
        return [str(program("sink")), self._mode, str(self.folder / "files")]

    def ready(self) -> bool:
        said = self.process.said().strip()
        if said.isdigit():
            self.port = int(said)
        return said.isdigit()

    def finished(self) -> Sequence[Path]:
        return [self.folder / "files"]

    def send(self, *, size: int) -> Load:
        return Load(port=self.port, size=size)
