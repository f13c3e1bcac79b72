"""Downloads and arrivals against deletion and the sweeper: nothing referenced ever goes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from heavylift.domain.errors import (
    NoSuchFile,
    StorageUnavailable,
    UploadCompleted,
    UploadExpired,
)
from heavylift.domain.uploads import Status
from heavylift.service.ports import BlobMissing, StorageDown
from heavylift.service.sweeper import Sweeper, Swept
from tests.fakes import Gated
from tests.service.world import ALL, OURS, SCHEDULE, World, md5_of, outcomes, soon


def held_at(world: World, boundary: tuple[str, str, bool]) -> Any:
    store, method, after = boundary
    return getattr(world, store).pause(method, after=after)


async def long_file(world: World) -> tuple[str, list[bytes]]:
    """A File of three extents."""
    pieces = [bytes([number]) * 900 for number in range(3)]
    upload_id = await world.open(2700)
    parts = [await world.part(upload_id, piece) for piece in pieces]
    done = await world.complete(upload_id, parts)
    assert done.file is not None
    return done.file.id, pieces


async def begun(world: World, file_id: str) -> tuple[AsyncIterator[bytes], bytes]:
    _, places = await world.files.content(OURS, file_id)
    chunks = world.files.read(places)
    return chunks, await anext(chunks)


async def test_a_download_under_way_comes_to_its_end_within_the_grace_of_a_delete(world: World) -> None:
    file_id, pieces = await long_file(world)
    chunks, first = await begun(world, file_id)
    await world.files.delete(OURS, file_id)
    world.clock.advance(SCHEDULE.delete_grace - 1)
    await world.sweep()
    async with aclosing(chunks):
        rest = b"".join([chunk async for chunk in chunks])
    assert first + rest == b"".join(pieces)
    world.clock.advance(2)
    await world.sweep()
    await world.check_empty()


async def test_a_download_that_outlasts_the_grace_fails_visibly_and_never_with_other_bytes(
    world: World,
) -> None:
    file_id, pieces = await long_file(world)
    chunks, got = await begun(world, file_id)
    await world.files.delete(OURS, file_id)
    world.clock.advance(SCHEDULE.delete_grace + 1)
    await world.sweep()
    failure = None
    try:
        async for chunk in chunks:
            got += chunk
    except (BlobMissing, StorageDown) as error:
        failure = error
    assert failure is not None
    assert b"".join(pieces).startswith(got)
    assert len(got) < 2700
    with pytest.raises(NoSuchFile):
        await world.content(file_id)


async def test_a_download_under_way_outlives_its_files_expiry_by_the_grace(world: World) -> None:
    file = await world.post(b"x" * 900, b"y" * 900, lifetime=3600)
    chunks, got = await begun(world, file.id)
    world.clock.advance(3600)
    await world.sweep()
    async with aclosing(chunks):
        got += b"".join([chunk async for chunk in chunks])
    assert got == b"x" * 900 + b"y" * 900


async def test_a_delete_between_a_downloads_question_and_its_first_byte_leaves_it_whole(
    world: World,
) -> None:
    file_id, pieces = await long_file(world)
    held = world.catalog.pause("content", after=True)
    downloading = asyncio.create_task(world.content(file_id))
    await held.reached()
    await world.files.delete(OURS, file_id)
    await world.sweep()
    held.release()
    assert await outcomes(downloading) == [b"".join(pieces)]
    with pytest.raises(NoSuchFile):
        await world.content(file_id)


async def test_two_deletes_at_once_have_one_winner(world: World) -> None:
    file_id, _ = await long_file(world)
    holds = [world.catalog.pause("remove_file") for _ in range(2)]
    tasks = [asyncio.create_task(world.files.delete(OURS, file_id)) for _ in range(2)]
    for held in holds:
        await held.reached()
        held.release()
    ended = await outcomes(*tasks)
    assert sorted(type(end) for end in ended if end is not None) == [NoSuchFile]
    assert ended.count(None) == 1


@pytest.mark.parametrize("boundary", [("blobs", "write", True), ("catalog", "add_file", False)], ids=str)
async def test_a_posted_file_without_its_fact_yet_is_not_swept_within_the_grace(
    world: World, boundary: tuple[str, str, bool]
) -> None:
    held = held_at(world, boundary)
    posting = asyncio.create_task(world.post(b"hello"))
    await held.reached()
    world.clock.advance(SCHEDULE.orphan_grace - 60)
    assert (await world.sweep()).deleted_blobs == 0
    held.release()
    file = await soon(posting)
    assert await world.content(file.id) == b"hello"


async def stalled(begun: asyncio.Event, go_on: asyncio.Event) -> AsyncIterator[bytes]:
    yield b"ab"
    begun.set()
    await soon(go_on.wait())
    yield b"c"


async def test_a_part_in_flight_is_not_swept_within_the_grace(world: World) -> None:
    upload_id = await world.open(3)
    begun, go_on = asyncio.Event(), asyncio.Event()
    arriving = asyncio.create_task(world.add(upload_id, stalled(begun, go_on)))
    await soon(begun.wait())
    world.clock.advance(3000)
    await world.sweep()
    go_on.set()
    part = await soon(arriving)
    done = await world.complete(upload_id, [part])
    assert done.file is not None
    assert await world.content(done.file.id) == b"abc"


@pytest.mark.parametrize("hours", [1, 2])
@pytest.mark.parametrize("boundary", [("blobs", "write", True), ("catalog", "add_part", False)], ids=str)
async def test_a_part_whose_bytes_were_collected_while_the_machine_slept_is_refused(
    world: World, boundary: tuple[str, str, bool], hours: int
) -> None:
    """A machine that was suspended for longer than the grace wakes up, and the sweeper is first."""
    hasty = Sweeper(
        world.catalog, world.blobs, clock=world.clock, schedule=replace(SCHEDULE, orphan_grace=1800)
    )
    upload_id = await world.open(3)
    held = held_at(world, boundary)
    sleeping = asyncio.create_task(world.part(upload_id, b"abc"))
    await held.reached()
    world.clock.advance(hours * 3600)
    assert (await hasty.round()).deleted_blobs == 1
    held.release()
    [refusal] = await outcomes(sleeping)
    assert isinstance(refusal, UploadExpired | StorageUnavailable)
    await world.check_tidy()
    world.clock.advance(3600)
    await hasty.round()
    await hasty.round()
    await world.check_empty()


async def test_a_part_still_arriving_when_its_bytes_are_looked_for_is_whole_or_refused(world: World) -> None:
    hasty = Sweeper(
        world.catalog, world.blobs, clock=world.clock, schedule=replace(SCHEDULE, orphan_grace=1800)
    )
    upload_id = await world.open(3)
    begun, go_on = asyncio.Event(), asyncio.Event()
    sleeping = asyncio.create_task(world.add(upload_id, stalled(begun, go_on)))
    await soon(begun.wait())
    world.clock.advance(3000)
    await hasty.round()
    go_on.set()
    [ended] = await outcomes(sleeping)
    if isinstance(ended, StorageUnavailable | StorageDown):
        assert (await world.upload(upload_id)).held_parts == 0
    else:
        done = await world.complete(upload_id, [ended])
        assert done.file is not None
        assert await world.content(done.file.id) == b"abc"
    await world.check()


async def test_a_posted_file_whose_bytes_were_collected_while_the_machine_slept_is_refused(
    world: World,
) -> None:
    held = world.catalog.pause("add_file")
    sleeping = asyncio.create_task(world.post(b"hello"))
    await held.reached()
    world.clock.advance(SCHEDULE.orphan_grace + 60)
    assert (await world.sweep()).deleted_blobs == 1
    held.release()
    [refusal] = await outcomes(sleeping)
    assert isinstance(refusal, StorageDown)
    assert await world.files.list(OURS, purpose=None, page=ALL) == []


async def two_rounds(world: World, store: Gated, method: str) -> Sequence[Swept]:
    """Two sweepers that come to that call before either of them has made it."""
    holds = [store.pause(method) for _ in range(2)]
    rounds = [asyncio.create_task(world.sweep()) for _ in range(2)]
    for held in holds:
        await held.reached()
    for held in holds:
        held.release()
    return await outcomes(*rounds)


async def test_two_sweepers_at_once_reclaim_everything_once(world: World) -> None:
    doomed = []
    for _ in range(3):
        upload_id = await world.open(3)
        doomed.append((await world.part(upload_id, b"abc")).extent.blob)
    kept = await world.post(b"keep")
    world.clock.advance(3600 + SCHEDULE.expiry_grace + 1)
    one, other = await two_rounds(world, world.catalog, "expire_uploads")
    assert one.expired_uploads + other.expired_uploads == 3
    assert await world.condemned() == set(doomed)
    world.clock.advance(SCHEDULE.delete_grace)
    await two_rounds(world, world.blobs, "delete")
    assert not await world.stored() & set(doomed)
    assert await world.content(kept.id) == b"keep"
    await world.check_tidy()


async def test_many_parts_and_a_complete_together_lose_no_byte(world: World) -> None:
    upload_id = await world.open(8)
    parts = [await world.part(upload_id, b"ab") for _ in range(4)]
    tasks = [asyncio.create_task(world.part(upload_id, b"zz")) for _ in range(10)]
    completing = asyncio.create_task(world.complete(upload_id, parts, md5_of(b"abababab")))
    ended = await outcomes(completing, *tasks)
    assert ended[0].status is Status.COMPLETED
    assert all(not isinstance(end, Exception) or isinstance(end, UploadCompleted) for end in ended[1:])
    await world.check_tidy()
    await world.sweep_due()
    assert await world.stored() == {part.extent.blob for part in parts}
    assert await world.content(ended[0].file.id) == b"abababab"
