"""MD5 at complete: read once for all who ask, remembered, a few at a time, and for nobody who left."""

import asyncio
from collections.abc import Sequence

import pytest

from heavylift.domain.errors import Md5Mismatch, Overloaded
from heavylift.domain.uploads import Part
from heavylift.service import digesting
from heavylift.service.ports import StorageDown
from tests.service.world import World, md5_of, outcomes, soon

BODY = b"0123456789"


async def begun(world: World) -> tuple[str, list[Part]]:
    """An Upload whose bytes are all there."""
    upload = await world.open(len(BODY))
    return upload, [await world.part(upload, BODY[:4]), await world.part(upload, BODY[4:])]


def reads(world: World) -> int:
    return world.blobs.calls.count("read")


async def settle(times: int = 50) -> None:
    """Let every task go as far as it can."""
    for _ in range(times):
        await asyncio.sleep(0)


def asking(world: World, upload: str, parts: Sequence[Part], md5: str) -> asyncio.Task[object]:
    return asyncio.create_task(world.complete(upload, parts, md5))


async def test_those_who_ask_at_once_share_one_reading(world: World) -> None:
    upload, parts = await begun(world)
    paused = world.blobs.pause("read")
    tasks = [asking(world, upload, parts, md5_of(BODY)) for _ in range(20)]
    await paused.reached()
    await settle()
    paused.release()
    results = await outcomes(*tasks)
    assert len({result.file.id for result in results}) == 1
    assert reads(world) == 2


async def test_what_was_found_is_remembered(world: World) -> None:
    upload, parts = await begun(world)
    for _ in range(5):
        with pytest.raises(Md5Mismatch):
            await world.complete(upload, parts, "0" * 32)
    await world.complete(upload, parts, md5_of(BODY))
    assert reads(world) == 2


async def test_another_order_waits_for_its_own_reading(world: World) -> None:
    upload, parts = await begun(world)
    paused = world.blobs.pause("read")
    first = asking(world, upload, parts, "0" * 32)
    await paused.reached()
    other = asking(world, upload, parts[::-1], md5_of(BODY[4:], BODY[:4]))
    await settle()
    assert reads(world) <= 2
    paused.release()
    ended = await outcomes(first, other)
    assert isinstance(ended[0], Md5Mismatch)
    assert await world.content(ended[1].file.id) == BODY[4:] + BODY[:4]


async def test_who_leaves_does_not_end_it_for_the_others_and_the_last_does(world: World) -> None:
    upload, parts = await begun(world)
    paused = world.blobs.pause("read")
    first, second = (asking(world, upload, parts, md5_of(BODY)) for _ in range(2))
    await paused.reached()
    await settle()
    first.cancel()
    await settle()
    second.cancel()
    ended = await outcomes(first, second)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended)
    await settle()
    assert not paused.opened.is_set()
    again = asking(world, upload, parts, md5_of(BODY))
    assert (await soon(again)).file is not None


async def test_whoever_comes_when_all_have_left_begins_anew(world: World) -> None:
    upload, parts = await begun(world)
    paused = world.blobs.pause("read")
    left = asking(world, upload, parts, md5_of(BODY))
    await paused.reached()
    left.cancel()
    come = asking(world, upload, parts, md5_of(BODY))
    assert isinstance((await outcomes(left, come))[0], asyncio.CancelledError)
    assert come.result()


async def test_a_project_has_a_few_readings_at_once_and_as_many_waiting_as_are_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digesting, "WAITING", 4)
    uploads = [await begun(world) for _ in range(5)]
    pauses = [world.blobs.pause("read") for _ in range(digesting.OF_A_PROJECT)]
    tasks = [asking(world, upload, parts, md5_of(BODY)) for upload, parts in uploads[:4]]
    for pause in pauses:
        await pause.reached()
    await settle()
    busy = [task for task in tasks if not task.done()]
    assert len(busy) == 4
    assert reads(world) == digesting.OF_A_PROJECT
    with pytest.raises(Overloaded) as refused:
        await world.complete(*uploads[4], md5_of(BODY))
    assert refused.value.retry_after >= 1
    for pause in pauses:
        pause.release()
    assert all(result.file for result in await outcomes(*tasks))
    assert (await world.complete(*uploads[4], md5_of(BODY))).file


async def test_a_reading_that_fails_is_told_to_all_and_not_remembered(world: World) -> None:
    upload, parts = await begun(world)
    world.blobs.fail("read", StorageDown("away"))
    tasks = [asking(world, upload, parts, md5_of(BODY)) for _ in range(3)]
    assert all(isinstance(end, StorageDown) for end in await outcomes(*tasks))
    assert (await world.complete(upload, parts, md5_of(BODY))).file
