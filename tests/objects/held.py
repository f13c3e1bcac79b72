"""What a process holds: memory, threads, descriptors. For tests that look for leaks."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from tests.e2e.wire import BOUND

SLACK = 16 * 10**6
"""Bytes that one stretch of work may cost and another give back."""

STRETCHES = 4
"""How often memory may grow by more, until all that fills up once is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """At one moment. `memory` in bytes, resident. `descriptors` are those of no file: a catalog opens a few
    more of its own when many ask at once, and keeps them."""

    memory: int
    threads: int
    descriptors: int


def held(pid: int) -> Held:
    """What the process holds now."""
    process = psutil.Process(pid)
    with process.oneshot():
        return Held(
            memory=process.memory_info().rss,
            threads=process.num_threads(),
            descriptors=process.num_fds() - len(process.open_files()),
        )


def settled(pid: int, *, descriptors: int | None = None, let_go: Callable[[], None] = lambda: None) -> Held:
    """What it holds once its descriptors are at most so many, or have not changed for half a second.
    `let_go` is called before each look."""
    give_up, last = time.monotonic() + BOUND, -1
    while True:
        let_go()
        now = held(pid)
        if now.descriptors <= descriptors if descriptors is not None else now.descriptors == last:
            return now
        assert time.monotonic() < give_up, (
            f"{now.descriptors} descriptors are open, and not {descriptors}: {_open(pid)}"
        )
        last = now.descriptors
        time.sleep(0.5 if descriptors is None else 0.1)


def levelled(stretch: Callable[[Held | None], Held]) -> tuple[Held, Held]:
    """What is held before and after the first stretch of work that costs no memory. Caches and allocators
    fill up once, each in its time; a leak goes on. `stretch` is given what was held before it."""
    before = stretch(None)
    for _ in range(STRETCHES):
        after = stretch(before)
        if after.memory < before.memory + SLACK:
            return before, after
        before = after
    raise AssertionError(f"memory grows with every stretch of work: it is at {before.memory} bytes")


def _open(pid: int) -> list[str]:
    """What the descriptors are, for whoever must find the leak."""
    process = psutil.Process(pid)
    return [str(one) for one in process.net_connections()]
