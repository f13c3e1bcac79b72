"""Several sweepers in the background of several processes: one at a time does the work."""

import asyncio
from dataclasses import replace
from typing import Any

from heavylift.service.ports import StorageDown
from heavylift.service.sweeper import Swept
from heavylift.service.sweeping import LEASE_INTERVALS, Sweeping
from tests.service.world import OURS, SCHEDULE, World, outcomes, soon

PLAN = replace(SCHEDULE, interval=10_000)


class Background:
    """A sweeper of another process, and what it tells."""

    def __init__(self, world: World) -> None:
        self.told: asyncio.Queue[Any] = asyncio.Queue()
        self.sweeping = Sweeping(
            world.sweeper, world.catalog, clock=world.clock, ticks=world.clock, interval=PLAN.interval,
            report=self.told.put_nowait, complain=self.told.put_nowait,
        )  # fmt: skip
        self.running = asyncio.create_task(self.sweeping.run())

    async def rest(self) -> None:
        """Until it waits for its next round."""
        async with asyncio.timeout(60):
            while not self.sweeping._nudged._waiters:
                await asyncio.sleep(0.001)

    async def try_again(self) -> None:
        """A round, or an attempt at one."""
        await self.rest()
        self.sweeping.wake()
        while self.sweeping._nudged.is_set():
            await asyncio.sleep(0.001)
        await self.rest()

    async def stop(self) -> None:
        self.running.cancel()
        [ended] = await outcomes(self.running)
        assert isinstance(ended, asyncio.CancelledError)

    def rounds(self) -> int:
        """How many it has done since this was asked."""
        count = self.told.qsize()
        while not self.told.empty():
            assert isinstance(self.told.get_nowait(), Swept)
        return count


async def test_one_of_several_sweeps_and_prolongs_its_turn(world: World) -> None:
    first = Background(world)
    await first.rest()
    second = Background(world)
    await second.rest()
    for _ in range(5):
        world.clock.advance(1.2 * PLAN.interval)
        await first.try_again()
        await second.try_again()
    assert (first.rounds(), second.rounds()) == (6, 0)
    await first.stop()
    await second.stop()


async def test_when_the_one_has_died_another_takes_over_within_two_intervals(world: World) -> None:
    assert LEASE_INTERVALS < 2
    assert await world.catalog.take_lease(
        "sweep", "died", now=world.clock(), until=world.clock() + LEASE_INTERVALS * PLAN.interval
    )
    heir = Background(world)
    await heir.rest()
    assert heir.rounds() == 0
    world.clock.advance(LEASE_INTERVALS * PLAN.interval)
    await heir.try_again()
    assert heir.rounds() == 1
    await heir.stop()


async def test_one_that_stops_gives_its_turn_back(world: World) -> None:
    first = Background(world)
    await first.rest()
    await first.stop()
    second = Background(world)
    await second.rest()
    assert second.rounds() == 1
    await second.stop()


async def test_one_that_cannot_ask_for_its_turn_says_so_and_tries_again(world: World) -> None:
    sweeper = Background(world)
    await sweeper.rest()
    assert sweeper.rounds() == 1
    world.catalog.fail("take_lease", StorageDown("lost"))
    await sweeper.try_again()
    assert isinstance(await soon(sweeper.told.get()), StorageDown)
    await sweeper.try_again()
    assert sweeper.rounds() == 1
    await sweeper.stop()


async def test_a_sweep_by_hand_waits_for_nobodys_turn(world: World) -> None:
    sweeper = Background(world)
    await sweeper.rest()
    upload_id = await world.open()
    await world.part(upload_id, b"abc")
    await world.uploads.cancel(OURS, upload_id)
    world.clock.advance(SCHEDULE.delete_grace)
    assert (await world.sweep()).deleted_blobs == 1
    await sweeper.stop()


async def test_after_a_round_that_failed_nobody_looks_for_garbage_before_the_next(world: World) -> None:
    sweeper = Background(world)
    await sweeper.rest()
    world.catalog.fail("expire_uploads", StorageDown("away"))
    assert not await sweeper.sweeping._turn()
    assert await sweeper.sweeping._turn()
    await sweeper.stop()
