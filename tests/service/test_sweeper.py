"""The sweeper in the background: when it comes round, and that it can always be stopped."""

import asyncio
from typing import Any

import pytest

from heavylift.service.orphans import STEP
from heavylift.service.sweeper import Swept
from heavylift.service.sweeping import Sweeping
from tests.service.world import OURS, SCHEDULE, World, outcomes, soon


def background(world: World, interval: float, report: Any) -> Sweeping:
    return Sweeping(world.sweeper, world.catalog, clock=world.clock, interval=interval, report=report)


async def test_a_nudge_brings_the_next_round_forward(world: World) -> None:
    rounds: asyncio.Queue[Swept] = asyncio.Queue()
    sweeper = background(world, 10_000, rounds.put_nowait)
    running = asyncio.create_task(sweeper.run())
    await soon(rounds.get())
    upload_id = await world.open()
    await world.part(upload_id, b"abc")
    await world.uploads.cancel(OURS, upload_id)
    world.clock.advance(SCHEDULE.delete_grace)
    sweeper.wake()
    assert (await soon(rounds.get())).deleted_blobs == 1
    running.cancel()
    [ended] = await outcomes(running)
    assert isinstance(ended, asyncio.CancelledError)


async def test_a_nudge_and_a_stop_in_the_same_moment_stop_it(world: World) -> None:
    rounds: asyncio.Queue[Swept] = asyncio.Queue()
    sweeper = background(world, 10_000, rounds.put_nowait)
    running = asyncio.create_task(sweeper.run())
    await soon(rounds.get())
    while not sweeper._nudged._waiters:  # until it waits for the next round
        await asyncio.sleep(0)
    sweeper.wake()
    running.cancel()
    [ended] = await outcomes(running)
    assert isinstance(ended, asyncio.CancelledError)


async def test_orphans_are_looked_for_when_no_process_has_for_their_interval(world: World) -> None:
    rounds: asyncio.Queue[Swept] = asyncio.Queue()
    sweeper = background(world, 10_000, rounds.put_nowait)
    running = asyncio.create_task(sweeper.run())
    looked = []
    for advance in (0.0, SCHEDULE.orphan_interval - 1, 1.0, 1.0):
        world.clock.advance(advance)
        world.blobs.calls.clear()
        sweeper.wake()
        await soon(rounds.get())
        looked.append("older_than" in world.blobs.calls)
    running.cancel()
    await outcomes(running)
    assert looked == [False, False, True, False], "the world was searched when it began"


async def test_a_preview_says_what_a_round_then_does_and_changes_nothing(world: World) -> None:
    cancelled = await world.open()
    part = await world.part(cancelled, b"abc")
    await world.part(await world.open(), b"abc")
    await world.post(b"old", lifetime=3600)
    others = await world.stored()
    await world.post(b"keep")
    [kept_blob] = await world.stored() - others
    await world.uploads.cancel(OURS, cancelled)
    world.catalog.fail("add_part", ConnectionError("lost"))
    with pytest.raises(ConnectionError):
        await world.part(await world.open(), b"orphan")
    world.clock.advance(SCHEDULE.orphan_grace + 300)
    before = (await world.stored(), await world.condemned(), await world.pointed_at())
    preview, doomed = await world.sweeper.preview()
    reasons = {one.blob: one.why async for one in doomed}
    assert before == (await world.stored(), await world.condemned(), await world.pointed_at())
    assert (preview.expired_uploads, preview.expired_files, preview.orphans) == (2, 1, 1)
    assert preview.deleted_blobs == 2  # the cancelled Upload's and the orphan
    assert sorted(why.partition(" ")[2] for why in reasons.values()) == [
        "has expired: 60 s after the round",
        "has expired: 60 s after the round",
        "points at it, untouched for orphan_grace: now",
        "was cancelled: now",
    ]
    assert reasons[part.extent.blob] == f"{cancelled} was cancelled: now"
    assert reasons.keys() == before[0] - {kept_blob}
    done = await world.sweep()
    assert (done.expired_uploads, done.expired_files, done.orphans) == (2, 1, 1)
    assert done.deleted_blobs == 2, "the expired ones go after their grace"
    world.clock.advance(SCHEDULE.delete_grace)
    assert (await world.sweep()).deleted_blobs == 2, "the file's and the Part's"
    assert await world.stored() == {kept_blob}


async def test_uploads_are_forgotten_after_their_retention_and_their_files_stay(world: World) -> None:
    upload_id = await world.open(3)
    done = await world.complete(upload_id, [await world.part(upload_id, b"abc")])
    assert done.file is not None
    world.clock.advance(3600 + SCHEDULE.retention + 1)
    assert (await world.sweep()).forgotten_uploads == 1
    assert await world.content(done.file.id) == b"abc"
    await world.files.delete(OURS, done.file.id)
    world.clock.advance(SCHEDULE.delete_grace)
    await world.sweep()
    await world.check_empty()


async def test_more_than_one_step_is_done_in_one_round(world: World) -> None:
    for _ in range(STEP + 3):
        await world.open(1)
    upload_id = await world.open(1)
    for _ in range(20):
        await world.part(upload_id, b"x")
    world.clock.advance(3600 + SCHEDULE.expiry_grace + 1)
    done = await world.sweep()
    assert done.expired_uploads == STEP + 4
    world.clock.advance(SCHEDULE.delete_grace)
    assert (await world.sweep()).deleted_blobs == 20
    await world.check_empty()


async def test_each_step_of_deleted_blobs_takes_two_transactions(world: World) -> None:
    await world.catalog.port.condemn([f"{number:032x}" for number in range(2 * STEP)], due=0)
    world.catalog.calls.clear()
    assert (await world.sweep()).deleted_blobs == 2 * STEP
    assert world.catalog.calls.count("make_durable") == 2
    assert world.catalog.calls.count("forget_garbage") == 2
