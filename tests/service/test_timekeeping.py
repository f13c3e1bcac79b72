"""The time is the database's; a machine whose own clock differs says so and does not sweep."""

import asyncio

import pytest

from heavylift.service.sweeper import Swept
from heavylift.service.sweeping import Sweeping
from heavylift.service.timekeeping import TOLERATED, ClockAstray, SharedClock, keep_time
from tests.fakes import HandClock
from tests.service.world import World, outcomes, soon

NOW = 1_790_000_000.0
DAY = 86_400.0


def shared(own: HandClock, database: HandClock, passed: HandClock) -> SharedClock:
    async def ask() -> float:
        return database()

    return SharedClock(ask, own=own, passed=passed)


async def test_a_machine_that_is_a_day_ahead_judges_by_the_database_and_says_so() -> None:
    clock = shared(HandClock(NOW + DAY), HandClock(NOW), passed := HandClock(5.0))
    with pytest.raises(ClockAstray, match="86400 seconds ahead of the database's"):
        await clock.agree()
    assert clock() == NOW
    passed.advance(10)
    assert clock() == NOW + 10


async def test_a_clock_that_jumps_later_is_found_out_and_nothing_is_judged_by_it() -> None:
    own = HandClock(NOW)
    clock = shared(own, HandClock(NOW), HandClock(5.0))
    await clock.agree()
    own.advance(-DAY)
    assert clock() == NOW
    with pytest.raises(ClockAstray, match="behind"):
        await clock.agree()


async def test_a_little_is_tolerated() -> None:
    await shared(HandClock(NOW + TOLERATED), HandClock(NOW), HandClock(5.0)).agree()


async def test_whose_clock_is_astray_takes_no_lease_and_sweeps_nothing(world: World) -> None:
    clock = shared(HandClock(NOW + DAY), HandClock(NOW), HandClock(5.0))
    told: asyncio.Queue[Exception | Swept] = asyncio.Queue()
    sweeping = Sweeping(
        world.sweeper, world.catalog, clock=world.clock, interval=10_000, agree=clock.agree,
        report=told.put_nowait, complain=told.put_nowait,
    )  # fmt: skip
    world.catalog.calls.clear()
    running = asyncio.create_task(sweeping.run())
    assert isinstance(await soon(told.get()), ClockAstray)
    assert "expire_uploads" not in world.catalog.calls
    running.cancel()
    await outcomes(running)


async def test_a_clock_that_is_given_goes_before_all(world: World) -> None:
    timekeeping = await keep_time(world.catalog.port, world.clock)
    assert timekeeping.clock is world.clock
    await timekeeping.agree()
