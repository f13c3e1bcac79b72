"""A clock that is set back or forward by a day: nothing is skipped, repeated or lost, and nobody waits."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from heavylift.domain.errors import Refusal
from heavylift.service.ports import Page
from heavylift.service.sweeping import LEASE_INTERVALS, Sweeping
from heavylift.service.timekeeping import Numbering, keep_time
from tests.fakes import HandClock
from tests.service.world import OURS, World, outcomes, soon

DAY = 86_400.0


@pytest.fixture(params=[-DAY, DAY], ids=["back", "forward"])
def step(request: pytest.FixtureRequest) -> float:
    """By how many seconds the clock is set."""
    return float(request.param)


async def followed(world: World, after: str | None) -> list[str]:
    """The ids of Files behind a cursor, as one sees them who follows the list."""
    page = Page(limit=100, after=after, ascending=True)
    return [file.id for file in await world.files.list(OURS, purpose=None, page=page)]


async def both_ways(world: World) -> list[str]:
    """A posted File and one made of Parts, in the order of their making."""
    upload_id = await world.open(3)
    posted = await world.post(b"abc")
    done = await world.complete(upload_id, [await world.part(upload_id, b"abc")])
    assert done.file is not None
    return [posted.id, done.file.id]


async def test_who_follows_a_list_sees_each_file_once_in_the_order_of_making(
    world: World, step: float
) -> None:
    made = await both_ways(world)
    seen = await followed(world, None)
    for seconds in (step, -step, step):
        world.clock.advance(seconds)
        made += await both_ways(world)
        seen += await followed(world, seen[-1])
    assert seen == made


async def test_nor_is_a_file_missed_when_the_service_began_anew_meanwhile(world: World, step: float) -> None:
    before = await both_ways(world)
    world.clock.advance(step)
    timekeeping = await keep_time(world.catalog.port, world.clock)
    world.uploads._new_id = world.files._new_id = timekeeping.numbering
    after = await both_ways(world)
    assert await followed(world, before[-1]) == after


def test_ids_of_one_moment_sort_as_they_were_made() -> None:
    numbering = Numbering(HandClock(1_790_000_000.123_456_7))
    made = [numbering("part_") for _ in range(1000)]
    assert made == sorted(made)


async def test_a_part_that_arrives_meanwhile_is_kept_or_refused_and_never_half(
    world: World, step: float
) -> None:
    upload_id = await world.open(6)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"abc"
        world.clock.advance(step)
        await world.sweep()
        yield b"def"

    try:
        part = await world.add(upload_id, chunks())
    except Refusal:  # its Upload's time is over
        assert step > 0
        await world.sweep()
        assert await world.stored() <= await world.condemned()
    else:
        done = await world.complete(upload_id, [part])
        assert done.file is not None
        assert await world.content(done.file.id) == b"abcdef"
    assert await world.pointed_at() <= await world.stored()


async def test_a_lease_is_prolonged_in_the_middle_of_a_round_though_the_clock_was_set_back(
    world: World,
) -> None:
    ticks, interval = HandClock(5.0), 10_000
    told: asyncio.Queue[object] = asyncio.Queue()
    sweeping = Sweeping(
        world.sweeper,
        world.catalog,
        clock=world.clock,
        ticks=ticks,
        interval=interval,
        report=told.put_nowait,
    )
    await world.open()
    world.clock.advance(DAY)
    expiring = world.catalog.pause("expire_uploads", after=True)
    running = asyncio.create_task(sweeping.run())
    await soon(expiring.reached())
    world.clock.advance(-DAY)
    ticks.advance(0.6 * interval)
    expiring.release()
    await soon(told.get())
    now, lasts = world.clock.now, LEASE_INTERVALS * interval
    for moment, taken in ((now + 1, False), (now + lasts, True)):
        took = await world.catalog.port.take_lease("sweep", "other", now=moment, until=moment + lasts)
        assert took is taken, "the lease is of this clock"
    running.cancel()
    await outcomes(running)


async def test_orphans_are_looked_for_again_within_an_interval(world: World, step: float) -> None:
    await world.sweep()
    assert not await world.sweeper.search_is_due()
    world.clock.advance(step)
    assert await world.sweeper.search_is_due()


async def test_what_was_dropped_goes_when_its_grace_is_over_by_the_clock_there_is(world: World) -> None:
    file = await world.post(b"abc")
    await world.files.delete(OURS, file.id)
    world.clock.advance(DAY)
    assert (await world.sweep()).deleted_blobs == 1
    world.clock.advance(-DAY)
    await world.check_empty()
