"""The search for orphans: once over all processes, never at first sight, never much without a word."""

import asyncio
from pathlib import Path

import pytest

from heavylift.service.orphans import DOUBT_SECONDS, FEW, FIRST, MANY
from heavylift.service.ownership import MARK, WrongBlobs
from heavylift.service.ports import NotDeleted, StorageDown
from heavylift.service.sweeper import POSTPONED, Swept
from heavylift.service.sweeping import LEASE_INTERVALS, LeaseLost, Sweeping
from tests.service.test_sweeper_turns import PLAN, Background
from tests.service.world import ALL, OURS, SCHEDULE, World, outcomes, soon, stream, world_at

KEYS = [f"{number:032x}" for number in range(20)]


async def strew(world: World, count: int) -> set[str]:
    """So many blobs that nothing points at, old enough."""
    for key in KEYS[:count]:
        await world.blobs.write(key, stream(b"whose?"))
    world.clock.advance(SCHEDULE.orphan_grace + 10)
    return set(KEYS[:count])


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return f"file://{tmp_path}/blobs"


async def test_the_first_search_of_a_new_claim_deletes_nothing_and_the_next_one_does(folder: str) -> None:
    async with world_at(folder) as world:
        orphans = await strew(world, 3)
        await world.catalog.remember_search(None)
        swept = await world.sweep()
        assert (swept.orphans, swept.spared and swept.spared.why) == (0, FIRST)
        assert await world.stored() == orphans
        assert (await world.sweep()).orphans == 3


async def test_a_mark_that_comes_by_hand_makes_a_new_claim(folder: str, tmp_path: Path) -> None:
    async with world_at(folder) as world:
        await strew(world, 3)
        mark = tmp_path / "blobs" / MARK
        ours = mark.read_text()
        mark.unlink()
        with pytest.raises(WrongBlobs, match="is missing"):
            await world.sweep()
        mark.write_text(ours)
        assert (await world.sweep()).orphans == 0
        assert (await world.sweep()).orphans == 3


async def test_a_first_claim_of_what_the_catalog_does_not_know_is_refused(
    folder: str, tmp_path: Path
) -> None:
    async with world_at(folder) as theirs:
        await strew(theirs, 2)
    (tmp_path / "blobs" / MARK).unlink()
    with pytest.raises(WrongBlobs, match="does not know") as refused:
        async with world_at(folder):
            pytest.fail("it took another's blobs")
    assert MARK in str(refused.value)
    assert not (tmp_path / "blobs" / MARK).exists()


async def test_much_of_what_is_there_is_doubted_for_a_day(world: World) -> None:
    for _ in range(3):
        await world.post(b"known")
    orphans = await strew(world, FEW + 1)
    for passed in (0.0, DOUBT_SECONDS - 1):
        world.clock.advance(passed)
        swept = await world.sweep()
        assert (swept.orphans, swept.spared and swept.spared.why) == (0, MANY)
        assert swept.spared is not None
        assert (swept.spared.orphans, swept.spared.of) == (FEW + 1, FEW + 4)
        assert orphans <= await world.stored()
    world.clock.advance(1)
    assert (await world.sweep()).orphans == FEW + 1


async def test_much_of_it_goes_at_once_on_a_word(world: World) -> None:
    await strew(world, FEW + 1)
    assert (await world.sweep()).orphans == 0
    assert (await world.sweeper.round(confirmed=True)).orphans == FEW + 1


async def test_doubt_ends_with_what_it_was_about(world: World) -> None:
    orphans = await strew(world, FEW + 1)
    assert (await world.sweep()).spared is not None
    await world.blobs.delete(orphans)
    assert (await world.sweep()).spared is None
    await strew(world, FEW + 1)
    world.clock.advance(DOUBT_SECONDS)
    assert (await world.sweep()).orphans == 0, "these were never doubted before"


async def test_one_that_cannot_be_deleted_keeps_nothing_else(folder: str, tmp_path: Path) -> None:
    async with world_at(folder) as world:
        upload_id = await world.open(3)
        stuck, *others = [(await world.part(upload_id, b"x")).extent.blob for _ in range(3)]
        await world.uploads.cancel(OURS, upload_id)
        make_stuck(tmp_path / "blobs", stuck)
        assert (await world.sweep_due()).deleted_blobs == 2
        assert not await world.stored() & set(others)
        assert await world.condemned() == {stuck}
        [complaint] = world.complaints
        assert stuck in str(complaint)
        assert (await world.sweep()).deleted_blobs == 0
        assert len(world.complaints) == 1, "it waits"
        (tmp_path / "blobs" / stuck[:2] / stuck).rmdir()
        world.clock.advance(POSTPONED)
        assert (await world.sweep()).deleted_blobs == 1
        await world.check_empty()


def make_stuck(folder: Path, blob: str) -> None:
    """No file can be deleted as what is there now."""
    path = folder / blob[:2] / blob
    path.unlink()
    path.mkdir()


async def test_more_of_them_than_go_at_once_keep_nothing_else_either_and_are_told_once(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heavylift.service.sweeper.STEP", 2)
    monkeypatch.setattr("heavylift.service.ports.NAMED", 3)
    async with world_at(folder) as world:
        first, second = await world.open(4), await world.open(1)
        stuck = {(await world.part(first, b"x")).extent.blob for _ in range(4)}
        other = (await world.part(second, b"x")).extent.blob
        for blob in stuck:
            make_stuck(tmp_path / "blobs", blob)
        await world.uploads.cancel(OURS, first)
        world.clock.advance(1)  # so that they are due before it
        await world.uploads.cancel(OURS, second)
        assert (await world.sweep_due()).deleted_blobs == 1
        assert other not in await world.stored()
        assert await world.condemned() == stuck
        [complaint] = world.complaints
        assert isinstance(complaint, NotDeleted)
        assert (complaint.count, len(complaint.reasons)) == (4, 3)
        assert complaint.reasons.keys() < stuck


async def test_a_disk_that_is_away_ends_the_round_and_puts_nothing_off(folder: str, tmp_path: Path) -> None:
    async with world_at(folder) as world:
        upload_id = await world.open(3)
        blobs = [(await world.part(upload_id, b"x")).extent.blob for _ in range(3)]
        await world.uploads.cancel(OURS, upload_id)
        world.clock.advance(SCHEDULE.delete_grace)
        deletion = world.blobs.pause("delete")
        sweeping = asyncio.create_task(world.sweep())
        await deletion.reached()
        for blob in blobs:
            make_stuck(tmp_path / "blobs", blob)
        (tmp_path / "blobs" / MARK).unlink()
        (tmp_path / "blobs" / MARK).mkdir()  # nor can anything be read
        deletion.release()
        with pytest.raises(StorageDown):
            await soon(sweeping)
        assert set(await world.catalog.port.garbage(due=world.clock(), limit=9)) == set(blobs)
        assert world.complaints == []


async def test_a_folder_that_cannot_be_listed_keeps_nothing_else(folder: str, tmp_path: Path) -> None:
    async with world_at(folder) as world:
        await strew(world, 3)
        (tmp_path / "blobs" / "7f").rmdir()
        (tmp_path / "blobs" / "7f").write_text("not a folder")
        assert (await world.sweep()).orphans == 3
        assert "7f" in str(world.complaints[0])


async def test_several_processes_search_once_in_an_interval(world: World) -> None:
    searches = 0
    for _ in range(4):
        world.blobs.calls.clear()
        world.clock.advance(SCHEDULE.orphan_interval / 2)
        one = Background(world)
        await one.rest()
        await one.stop()
        searches += world.blobs.calls.count("older_than")
    assert searches == 2


async def test_a_long_round_keeps_its_turn_and_ends_when_it_has_lost_it(world: World) -> None:
    await world.post(b"kept")
    await world.open(1)
    first, other = Background(world), Background(world)
    await first.rest()
    await other.rest()
    first.rounds()
    world.clock.advance(3600 + SCHEDULE.retention + SCHEDULE.orphan_grace)
    forgetting, reading = world.catalog.pause("forget_uploads"), world.catalog.pause("garbage")
    first.sweeping.wake()
    await forgetting.reached()
    world.clock.advance(0.6 * PLAN.interval)
    forgetting.release()
    await reading.reached()
    world.clock.advance(LEASE_INTERVALS * PLAN.interval - 1)
    await other.try_again()
    assert other.rounds() == 0, "it was prolonged in the middle"
    world.clock.advance(lasts := LEASE_INTERVALS * PLAN.interval)
    assert await world.catalog.port.take_lease(
        "sweep", "thief", now=world.clock.now, until=world.clock.now + lasts
    )
    reading.release()
    assert isinstance(await soon(first.told.get()), LeaseLost)
    await first.stop()
    await other.stop()


async def test_whoever_holds_the_lease_hears_of_what_others_dropped(world: World) -> None:
    rounds: asyncio.Queue[Swept] = asyncio.Queue()
    sweeping = Sweeping(
        world.sweeper, world.catalog, clock=world.clock, interval=10_000, report=rounds.put_nowait
    )
    running = asyncio.create_task(sweeping.run())
    await soon(rounds.get())
    upload_id = await world.open()
    await world.part(upload_id, b"abc")
    await world.uploads.cancel(OURS, upload_id)  # in another process: nobody wakes this one
    world.clock.advance(SCHEDULE.delete_grace)
    assert (await soon(rounds.get())).deleted_blobs == 1
    running.cancel()
    await outcomes(running)


async def test_facts_are_made_durable_before_their_bytes_go(world: World) -> None:
    upload_id = await world.open()
    await world.part(upload_id, b"abc")
    await world.uploads.cancel(OURS, upload_id)
    world.clock.advance(SCHEDULE.delete_grace)
    world.catalog.fail("make_durable", StorageDown("down"))
    with pytest.raises(StorageDown):
        await world.sweep()
    assert len(await world.stored()) == 1
    assert (await world.sweep()).deleted_blobs == 1


async def test_bytes_of_a_cancelled_upload_stay_as_long_as_a_standby_may_lag(world: World) -> None:
    upload_id = await world.open()
    await world.part(upload_id, b"abc")
    await world.uploads.cancel(OURS, upload_id)
    world.clock.advance(SCHEDULE.delete_grace - 1)
    assert (await world.sweep()).deleted_blobs == 0
    world.clock.advance(1)
    assert (await world.sweep()).deleted_blobs == 1


async def test_a_posted_file_older_than_the_grace_is_refused_though_its_key_is_forgotten(
    world: World,
) -> None:
    """The machine was suspended for days: its bytes were collected, and their key was forgotten since."""
    held = world.catalog.pause("add_file")
    sleeping = asyncio.create_task(world.post(b"abc"))
    await held.reached()
    world.clock.advance(SCHEDULE.orphan_grace)
    await world.blobs.delete(await world.stored())
    held.release()
    [refusal] = await outcomes(sleeping)
    assert isinstance(refusal, StorageDown)
    assert await world.files.list(OURS, purpose=None, page=ALL) == []
