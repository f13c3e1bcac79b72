"""Two things at once, each pair held at the boundary where it could go wrong: exactly one wins."""

import asyncio
from typing import Any

import pytest

from heavylift.domain.errors import (
    Refusal,
    UploadCancelled,
    UploadClosed,
    UploadCompleted,
    UploadExpired,
)
from heavylift.domain.uploads import Status
from heavylift.service.uploads import Snapshot
from tests.service.world import ALL, OURS, SCHEDULE, World, md5_of, outcomes, soon

BOUNDARIES = [
    ("blobs", "write", False),
    ("blobs", "write", True),
    ("catalog", "add_part", False),
]
"""Where a Part on its way can stand while the world goes on: no bytes, bytes, and no fact yet."""


def held_at(world: World, boundary: tuple[str, str, bool]) -> Any:
    store, method, after = boundary
    return getattr(world, store).pause(method, after=after)


async def ending(world: World, upload_id: str, how: str) -> None:
    """Let the Upload end in that way."""
    if how == "complete":
        parts = await world.uploads.parts(OURS, upload_id, page=ALL)
        await world.complete(upload_id, parts[-1:])
    elif how == "cancel":
        await world.uploads.cancel(OURS, upload_id)
    else:
        world.clock.advance(3600 + SCHEDULE.expiry_grace + 1)


@pytest.mark.parametrize("sweep", [False, True], ids=["unswept", "swept"])
@pytest.mark.parametrize("how", ["complete", "cancel"])
@pytest.mark.parametrize("boundary", BOUNDARIES, ids=str)
async def test_a_part_that_an_ending_overtakes_is_refused_and_its_bytes_go(
    world: World, boundary: tuple[str, str, bool], how: str, sweep: bool
) -> None:
    upload_id = await world.open(3)
    first = await world.part(upload_id, b"abc")
    held = held_at(world, boundary)
    late = asyncio.create_task(world.part(upload_id, b"late"))
    await held.reached()
    await ending(world, upload_id, how)
    if sweep:
        await world.sweep_due()
    held.release()
    [refusal] = await outcomes(late)
    assert isinstance(refusal, UploadClosed)
    await world.check_tidy()
    await world.sweep_due()
    assert await world.stored() == ({first.extent.blob} if how == "complete" else set())


@pytest.mark.parametrize("boundary", BOUNDARIES, ids=str)
async def test_a_part_that_began_in_time_is_kept_past_the_deadline_until_the_sweeper_expires_it(
    world: World, boundary: tuple[str, str, bool]
) -> None:
    upload_id = await world.open(3)
    for expired in (False, True):
        held = held_at(world, boundary)
        late = asyncio.create_task(world.part(upload_id, b"abc"))
        await held.reached()
        world.clock.advance(3600 if not expired else 0)
        await world.sweep()  # within the grace: it must not touch an Upload that a Part may still reach
        held.release()
        part = await soon(late)
        assert part.extent.bytes == 3
        world.clock.advance(-3600 if not expired else 0)
    held = held_at(world, boundary)
    late = asyncio.create_task(world.part(upload_id, b"abc"))
    await held.reached()
    await ending(world, upload_id, "expire")
    await world.sweep()
    held.release()
    [refusal] = await outcomes(late)
    assert isinstance(refusal, UploadExpired)
    await world.sweep_due()
    await world.check_empty()


async def test_a_part_committed_before_the_ending_is_dropped_with_the_upload(world: World) -> None:
    upload_id = await world.open(3)
    held = world.catalog.pause("add_part", after=True)
    part = asyncio.create_task(world.part(upload_id, b"abc"))
    await held.reached()
    await world.uploads.cancel(OURS, upload_id)
    await world.sweep_due()
    held.release()
    assert (await soon(part)).extent.bytes == 3  # it was taken; what cancelled came after it
    await world.check_empty()


async def test_a_part_committed_while_complete_looks_is_discarded_and_the_file_is_whole(world: World) -> None:
    upload_id = await world.open(3)
    part = await world.part(upload_id, b"abc")
    held = world.catalog.pause("complete")
    completing = asyncio.create_task(world.complete(upload_id, [part]))
    await held.reached()
    extra = await world.part(upload_id, b"extra")
    held.release()
    done = await soon(completing)
    assert done.file is not None
    assert await world.condemned() == {extra.extent.blob}
    await world.sweep_due()
    assert await world.content(done.file.id) == b"abc"


@pytest.mark.parametrize("held_method", ["complete", "parts"])
async def test_two_equal_completes_give_one_file_and_the_same_answer(world: World, held_method: str) -> None:
    upload_id = await world.open(3)
    part = await world.part(upload_id, b"abc")
    holds = [world.catalog.pause(held_method) for _ in range(2)]
    tasks = [asyncio.create_task(world.complete(upload_id, [part])) for _ in range(2)]
    for held in holds:
        await held.reached()
    for held in holds:
        held.release()
    one, other = await outcomes(*tasks)
    assert isinstance(one, Snapshot)
    assert one == other
    assert len(await world.files.list(OURS, purpose=None, page=ALL)) == 1
    await world.check_tidy()


async def test_two_different_completes_give_one_file_and_one_refusal(world: World) -> None:
    upload_id = await world.open(6)
    one, two = await world.part(upload_id, b"abc"), await world.part(upload_id, b"def")
    holds = [world.catalog.pause("complete") for _ in range(2)]
    tasks = [asyncio.create_task(world.complete(upload_id, order)) for order in ([one, two], [two, one])]
    for held in holds:
        await held.reached()
    for held in holds:
        held.release()
    ended = await outcomes(*tasks)
    [won] = [end for end in ended if isinstance(end, Snapshot)]
    [lost] = [end for end in ended if isinstance(end, Refusal)]
    assert isinstance(lost, UploadCompleted)
    assert won.file is not None
    assert await world.content(won.file.id) == (b"abcdef" if ended[0] is won else b"defabc")
    assert len(await world.files.list(OURS, purpose=None, page=ALL)) == 1


@pytest.mark.parametrize("complete_first", [True, False])
async def test_complete_against_cancel_has_one_winner(world: World, complete_first: bool) -> None:
    upload_id = await world.open(3)
    part = await world.part(upload_id, b"abc")
    holds = {"complete": world.catalog.pause("complete"), "cancel": world.catalog.pause("cancel")}
    completing = asyncio.create_task(world.complete(upload_id, [part]))
    cancelling = asyncio.create_task(world.uploads.cancel(OURS, upload_id))
    for held in holds.values():
        await held.reached()
    order = ["complete", "cancel"] if complete_first else ["cancel", "complete"]
    holds[order[0]].release()
    await soon(asyncio.wait([completing, cancelling], return_when=asyncio.FIRST_COMPLETED))
    holds[order[1]].release()
    completed, cancelled = await outcomes(completing, cancelling)
    if complete_first:
        assert completed.status is Status.COMPLETED
        assert isinstance(cancelled, UploadCompleted)
        assert await world.content(completed.file.id) == b"abc"
    else:
        assert cancelled.status is Status.CANCELLED
        assert isinstance(completed, UploadCancelled)
        await world.sweep_due()
        await world.check_empty()


async def test_two_cancels_at_once_are_both_fine(world: World) -> None:
    upload_id = await world.open(3)
    await world.part(upload_id, b"abc")
    holds = [world.catalog.pause("cancel") for _ in range(2)]
    tasks = [asyncio.create_task(world.uploads.cancel(OURS, upload_id)) for _ in range(2)]
    for held in holds:
        await held.reached()
        held.release()
    one, other = await outcomes(*tasks)
    assert one.status is other.status is Status.CANCELLED


async def test_a_complete_that_reads_for_its_md5_loses_to_a_cancel_and_a_quick_sweep(world: World) -> None:
    upload_id = await world.open(6)
    parts = [await world.part(upload_id, b"abc"), await world.part(upload_id, b"def")]
    held = world.blobs.pause("read")
    completing = asyncio.create_task(world.complete(upload_id, parts, md5_of(b"abcdef")))
    await held.reached()
    await world.uploads.cancel(OURS, upload_id)
    await world.sweep_due()
    held.release()
    [refusal] = await outcomes(completing)
    assert isinstance(refusal, UploadCancelled)
    await world.check_empty()


async def test_a_complete_that_reads_for_its_md5_survives_a_sweep_within_the_grace(world: World) -> None:
    upload_id = await world.open(6)
    parts = [await world.part(upload_id, b"abc"), await world.part(upload_id, b"def")]
    world.clock.advance(3599)
    held = world.blobs.pause("read")
    completing = asyncio.create_task(world.complete(upload_id, parts, md5_of(b"abcdef")))
    await held.reached()
    world.clock.advance(SCHEDULE.expiry_grace)
    await world.sweep()
    held.release()
    done = await soon(completing)
    assert done.file is not None
    assert await world.content(done.file.id) == b"abcdef"


async def test_a_complete_that_reads_longer_than_the_grace_is_refused_as_expired(world: World) -> None:
    upload_id = await world.open(6)
    parts = [await world.part(upload_id, b"abc"), await world.part(upload_id, b"def")]
    held = world.blobs.pause("read")
    completing = asyncio.create_task(world.complete(upload_id, parts, md5_of(b"abcdef")))
    await held.reached()
    world.clock.advance(3600 + SCHEDULE.expiry_grace + 2)
    await world.sweep()
    await world.sweep_due()
    held.release()
    [refusal] = await outcomes(completing)
    assert isinstance(refusal, UploadExpired)
    await world.check_empty()
