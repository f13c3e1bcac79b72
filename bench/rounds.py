"""Candidates side by side: interleaved rounds, medians, ratios to one of them."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from bench.load import Failed, Load, Outcome, carry_out
from bench.peers.peer import Peer, running
from bench.toolbox import Missing, program

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A running server and what it is sent. `make` is called anew for every run."""

    name: str
    peer: Peer
    make: Callable[[], Load]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One figure of a table in full: a candidate under one number of connections, medians over the rounds.

    `peak_bytes` is the largest over the rounds, `rounds` the MB/s or requests/s of each.
    """

    candidate: str
    connections: int
    mb_per_second: float
    requests_per_second: float
    cpu_per_gb: float
    cpu_us_per_request: float
    p50_ms: float
    p99_ms: float
    peak_bytes: int
    rounds: tuple[float, ...]


@contextmanager
def reaping(folders: Sequence[Path], *, least: int) -> Iterator[None]:
    """Delete each file of `least` bytes or more in these folders as soon as it is closed.

    Or else every round touches fresh memory, which costs more than what is measured.
    """
    if not folders:
        yield
        return
    words = [str(program("reaper")), str(least), *map(str, folders)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if not process.stdout.readline():
            raise Failed("the reaper does not watch")
        try:
            yield
        finally:
            process.stdin.close()
            process.wait()


class Field:
    """The peers of one comparison, running. Those that cannot are named in `missing`."""

    def __init__(self, folder: Path, *, say: Say) -> None:
        self.folder = folder
        self._say = say
        self._stack = ExitStack()
        self.missing: dict[str, str] = {}

    def __enter__(self) -> "Field":
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def add(self, make: Callable[[Path], Peer]) -> Peer | None:
        """Start one more, in a folder of its own. None if it cannot be had."""
        folder = self.folder / str(len(list(self.folder.iterdir())))
        folder.mkdir()
        peer = make(folder)
        try:
            return self._stack.enter_context(running(peer))
        except Missing as reason:
            self.missing[peer.name] = str(reason)
            self._say(f"skipped {peer.name}: {reason}")
            return None


def compare(
    candidates: Sequence[Candidate], *, connections: Sequence[int], requests: Callable[[int], int],
    rounds: int, least: int, say: Say,
) -> list[Cell]:  # fmt: skip
    """Each candidate under each number of connections in each round, one after the other.

    `requests` says how many a number of connections sends. Finished files of `least` bytes are reaped.
    """
    runs: dict[tuple[str, int], list[Outcome]] = {}
    for number in range(rounds + 1):
        for many in connections:
            for one in candidates:
                outcome = once(one, connections=many, requests=requests(many), least=least)
                if number:  # the first round warms up
                    runs.setdefault((one.name, many), []).append(outcome)
        say(f"round {number} of {rounds}" if number else "warmed up")
    return [cell(name, many, found) for (name, many), found in runs.items()]


def once(candidate: Candidate, *, connections: int, requests: int, least: int) -> Outcome:
    """One run. Raises Failed."""
    fair = max(connections, int(requests * candidate.peer.share))
    load = replace(candidate.make(), connections=connections, requests=fair)
    try:
        with reaping(candidate.peer.finished(), least=least):
            return carry_out(load, candidate.peer.process.family())
    except Failed as error:
        raise Failed(f"{candidate.name}: {error}") from error


def cell(candidate: str, connections: int, runs: Sequence[Outcome]) -> Cell:
    """The medians of what several runs came to."""

    def middle(figure: Callable[[Outcome], float]) -> float:
        return median(map(figure, runs))

    bulk = runs[0].bytes > runs[0].requests * 2**20
    return Cell(
        candidate=candidate,
        connections=connections,
        mb_per_second=middle(lambda run: run.mb_per_second),
        requests_per_second=middle(lambda run: run.requests_per_second),
        cpu_per_gb=middle(lambda run: run.cpu_per_gb),
        cpu_us_per_request=middle(lambda run: run.cpu / run.requests * 1e6),
        p50_ms=middle(lambda run: run.p50_ms),
        p99_ms=middle(lambda run: run.p99_ms),
        peak_bytes=max(run.peak for run in runs),
        rounds=tuple(run.mb_per_second if bulk else run.requests_per_second for run in runs),
    )
