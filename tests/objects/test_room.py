"""Memory that many blobs share: who waits, who goes on, who is refused."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from uuid import uuid4

import pytest

from heavylift.blobs.fetching import LEAST_RANGE
from heavylift.blobs.objects import HELD, ObjectBlobs
from heavylift.blobs.room import Loans, Places, Room
from heavylift.blobs.sending import PIECE, SEGMENT
from heavylift.domain.ids import new_blob_key
from heavylift.service.ports import StorageDown
from tests.contract.blobs import content, stream
from tests.objects.engines import ObjectStore

OF = SEGMENT // PIECE


def room(berths: Places, turns: Places) -> Room:
    return Room(berths.of_one(), turns.of_one())


async def filled(one: Room, *, up_to: int) -> None:
    for count in range(1, up_to + 1):
        await one.fill(count, of=OF)


async def test_who_finds_no_place_in_time_is_refused_and_keeps_none() -> None:
    berths, turns = Places(1, patience=0.05), Places(1, patience=0.05)
    first, second = room(berths, turns), room(berths, turns)
    await filled(first, up_to=1)
    with pytest.raises(StorageDown, match="memory allows"):
        await filled(second, up_to=1)
    second.leave()
    first.leave()
    first.leave()
    third = room(berths, turns)
    await filled(third, up_to=1)
    with pytest.raises(StorageDown):
        await filled(room(berths, turns), up_to=1)


async def test_a_turn_lasts_until_the_segment_is_sent_and_a_slow_one_keeps_nobody_for_ever() -> None:
    berths, turns = Places(9, patience=1), Places(1, patience=30)
    first, second = room(berths, turns), room(berths, turns)
    await filled(first, up_to=OF + 3)
    waiting = asyncio.ensure_future(filled(second, up_to=OF))
    await asyncio.sleep(0)
    assert not waiting.done()
    await first.fill(OF + 4, of=OF)
    await asyncio.wait_for(waiting, 60)
    impatient = room(berths, Places(0, patience=0.01))
    await filled(impatient, up_to=2 * OF)


async def test_who_gave_up_waiting_took_no_place() -> None:
    berths = Places(1, patience=30)
    first, second = berths.of_one(), berths.of_one()
    assert await first.take()
    waiting = asyncio.ensure_future(second.take())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    second.give_back()
    first.give_back()
    assert await asyncio.wait_for(berths.of_one().take(), 60)


def test_what_is_lent_to_readers_never_sums_up_to_more_than_there_is_and_late_ones_find_some() -> None:
    loans = Loans(1_000, least=20, most=100)
    lent = [loans.lend(500) for _ in range(100)]
    assert lent[0] == 100
    assert all(later <= earlier for earlier, later in pairwise(lent))
    assert sum(lent) <= 1_000
    assert lent[-1] == 0, "too few are of no use"
    assert loans.free > 0
    for size in lent:
        loans.give_back(size)
    assert loans.free == 1_000
    assert loans.lend(30) == 30


async def test_who_takes_nothing_holds_little_and_who_leaves_gives_all_back(seaweed: ObjectStore) -> None:
    blobs = ObjectBlobs(seaweed.client(), prefix=uuid4().hex)
    key, size = new_blob_key(), 24 * 2**20
    await blobs.write(key, stream([bytes(size)]))
    most = blobs._loans.free
    idle = [blobs.read(key) for _ in range(20)]
    for reader in idle:
        assert await anext(reader)
    assert most - blobs._loans.free <= 20 * LEAST_RANGE
    assert len(b"".join([chunk async for chunk in blobs.read(key)])) == size
    for reader in idle:
        await reader.aclose()
    assert blobs._loans.free == most
    await blobs.delete([key])
    await blobs.close()


async def test_blobs_for_which_there_is_no_memory_wait_their_turn(seaweed: ObjectStore) -> None:
    blobs = ObjectBlobs(seaweed.client(), prefix=uuid4().hex, memory=HELD)
    most = now = 0

    async def large() -> AsyncIterator[bytes]:
        nonlocal most, now
        yield bytes(PIECE)
        now += 1
        most = max(most, now)
        for _ in range(2 * OF):
            yield bytes(PIECE)
        now -= 1

    keys = [new_blob_key() for _ in range(4)]
    await asyncio.gather(*(blobs.write(key, large()) for key in keys))
    assert most == 1
    for key in keys:
        assert await content(blobs, key) == bytes(PIECE * (2 * OF + 1))
    await blobs.delete(keys)
    await blobs.close()
