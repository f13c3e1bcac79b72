"""One run of the benchmark: its folder, its size, its patience, and its voice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peers.peer import Peer
from bench.rounds import Candidate, Cell, Field, Say, compare

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """`size` is of a bulk part in bytes. `quick` asks for less of everything that takes long."""

    folder: Path
    rounds: int
    size: int
    connections: Sequence[int]
    quick: bool
    say: Say

    @contextmanager
    def field(self) -> Iterator[Field]:
        """Peers in a folder of their own that is removed in the end."""
        with (
            TemporaryDirectory(prefix="heavylift-bench-", dir=self.folder) as folder,
            Field(Path(folder), say=self.say) as field,
        ):
            yield field

    def bulk(self, candidates: Sequence[Candidate], *, bodies: int = 16, reap: bool = True) -> list[Cell]:
        """Large bodies: so many a run, and at least two for each connection.

        A fast server should have half a second to do: in less, one stall is all that is measured.
        """
        return compare(
            candidates,
            connections=self.connections,
            requests=lambda many: max(4, many) if self.quick else max(bodies, 2 * many),
            rounds=self.rounds,
            least=self.size if reap else 2**62,
            say=self.say,
        )


def sending(peer: Peer, *, size: int) -> Candidate:
    """The peer under bodies of that size, in its usual way."""
    return Candidate(name=peer.name, peer=peer, make=partial(peer.send, size=size))


def start_all(field: Field, makers: Sequence[Callable[[Path], Peer]]) -> list[Peer]:
    """Those that can be had."""
    return [peer for make in makers if (peer := field.add(make)) is not None]


def at_once(connections: int) -> str:
    """So many connections, in words."""
    return f"{connections} connection{'s' * (connections > 1)}"
