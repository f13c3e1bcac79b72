"""Batches of jobs: what waits is served by one turn of a thread, and everybody is told."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from heavylift.service.batching import Batcher, Outcome
from heavylift.service.pool import started_pool
from heavylift.service.ports import StorageDown
from tests.fakes import PATIENCE

Work = Callable[[Sequence[int]], Sequence[Outcome]]


def doubled(jobs: Sequence[int]) -> list[Outcome]:
    """Work that cannot fail."""
    return [Outcome(2 * job) for job in jobs]


@contextmanager
def batcher(work: Work, *, threads: int = 1, most: int = 1000) -> Iterator[Batcher[int]]:
    """One that is closed in the end, with no thread left."""
    made = Batcher(work, name="test", closed="It is closed.", threads=threads, most=most)
    try:
        yield made
    finally:
        made.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("test-")]


async def test_what_one_turn_of_the_loop_brings_in_is_one_batch() -> None:
    batches = []

    def work(jobs: Sequence[int]) -> list[Outcome]:
        batches.append(list(jobs))
        return doubled(jobs)

    with batcher(work) as crew:
        assert await asyncio.gather(*map(crew.submit, range(5))) == [0, 2, 4, 6, 8]
    assert batches == [[0, 1, 2, 3, 4]]


async def test_what_queues_up_behind_a_batch_becomes_the_next_one() -> None:
    batches: list[list[int]] = []
    begun, go = threading.Event(), threading.Event()

    def work(jobs: Sequence[int]) -> list[Outcome]:
        batches.append(list(jobs))
        begun.set()
        assert go.wait(PATIENCE)
        return doubled(jobs)

    with batcher(work) as crew:
        first = crew.submit(1)
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        late = []
        for job in (2, 3):
            late.append(crew.submit(job))
            await asyncio.sleep(0)  # each is handed over in a turn of its own
        go.set()
        assert await asyncio.gather(first, *late) == [2, 4, 6]
    assert batches == [[1], [2, 3]]


async def test_several_threads_share_a_batch_out() -> None:
    together = threading.Barrier(3)

    def work(jobs: Sequence[int]) -> list[Outcome]:
        together.wait(PATIENCE)  # passes only if three threads are at work at once
        return doubled(jobs)

    with batcher(work, threads=3, most=2) as crew:
        assert await asyncio.gather(*map(crew.submit, range(6))) == [0, 2, 4, 6, 8, 10]


async def test_an_error_reaches_its_own_caller_alone() -> None:
    def work(jobs: Sequence[int]) -> list[Outcome]:
        return [Outcome(error=ValueError(job)) if job == 1 else Outcome(job) for job in jobs]

    with batcher(work) as crew:
        good, bad = crew.submit(0), crew.submit(1)
        assert await good == 0
        with pytest.raises(ValueError, match="1"):
            await bad


async def test_closing_finishes_what_was_not_even_handed_over_and_refuses_what_comes_after() -> None:
    with batcher(doubled) as crew:
        last = crew.submit(21)
        crew.close()
        with pytest.raises(StorageDown, match=r"It is closed\."):
            crew.submit(1)
        assert await last == 42


async def test_whoever_gives_up_waiting_disturbs_nobody() -> None:
    with batcher(doubled) as crew:
        gone, here = crew.submit(1), crew.submit(2)
        gone.cancel()
        assert await here == 4


def test_loops_of_several_threads_are_each_told_their_own() -> None:
    async def ask(crew: Batcher[int], job: int) -> int:
        value: int = await crew.submit(job)
        return value

    with batcher(doubled) as crew:
        found: list[int] = []
        threads = [
            threading.Thread(target=lambda job=job: found.append(asyncio.run(ask(crew, job))))
            for job in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    assert sorted(found) == [0, 2, 4, 6]


async def test_whatever_the_work_raises_is_everybodys_outcome_and_the_thread_goes_on() -> None:
    def work(jobs: Sequence[int]) -> list[Outcome]:
        if 0 in jobs:
            raise RuntimeError("on purpose")
        return doubled(jobs)[: 1 if -1 in jobs else None]

    with batcher(work) as crew:
        for jobs, says in (((0, 1), "on purpose"), ((-1, 2), "2 jobs had 1 outcomes")):
            failed = [crew.submit(job) for job in jobs]
            for one in failed:
                with pytest.raises(StorageDown, match=says):
                    await asyncio.wait_for(one, PATIENCE)
        assert await asyncio.wait_for(crew.submit(3), PATIENCE) == 6


async def test_what_follows_a_batch_may_fail_and_the_thread_goes_on() -> None:
    def fail() -> None:
        raise RuntimeError("on purpose")

    crew = Batcher(doubled, name="test", closed="It is closed.", after=fail)
    for job in (1, 2):
        assert await asyncio.wait_for(crew.submit(job), PATIENCE) == 2 * job
    crew.close()


def test_a_pool_runs_all_its_threads_from_the_beginning() -> None:
    pool = started_pool(5, name="test")
    mine = [thread for thread in threading.enumerate() if thread.name.startswith("test")]
    assert len(mine) == 5
    pool.shutdown()
    assert not any(thread.is_alive() for thread in mine)
