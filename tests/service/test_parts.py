"""The story of a Part: stored whole, or refused without a trace."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from heavylift.domain import checksums
from heavylift.domain.errors import (
    DigestMismatch,
    NoSuchUpload,
    PartTooLarge,
    TooManyParts,
    UnfitFile,
    UploadCancelled,
    UploadTooLarge,
)
from heavylift.service.meter import Expected
from heavylift.service.ports import Page
from tests.service.world import ALL, LIMITS, OURS, World, md5_of, soon, stream


async def test_a_part_is_counted_and_known_by_its_size_and_checksum(world: World) -> None:
    upload_id = await world.open()
    part = await world.part(upload_id, b"hello", b"", b" world")
    assert part.upload_id == upload_id
    assert part.created_at == int(world.clock.now)
    assert part.extent.bytes == 11
    assert part.extent.checksum == checksums.extend(0, b"hello world")
    upload = await world.upload(upload_id)
    assert (upload.held_bytes, upload.held_parts) == (11, 1)
    assert await world.uploads.parts(OURS, upload_id, page=ALL) == [part]


async def test_the_same_bytes_twice_are_two_parts(world: World) -> None:
    upload_id = await world.open()
    one, other = await world.part(upload_id, b"same"), await world.part(upload_id, b"same")
    assert one.id != other.id
    assert one.extent.blob != other.extent.blob
    assert one.extent.checksum == other.extent.checksum


async def test_parts_are_listed_in_pages_newest_first(world: World) -> None:
    upload_id = await world.open()
    made = [await world.part(upload_id, b"x") for _ in range(5)]
    newest = await world.uploads.parts(OURS, upload_id, page=Page(limit=2))
    assert [part.id for part in newest] == sorted([part.id for part in made], reverse=True)[:2]
    rest = await world.uploads.parts(OURS, upload_id, page=Page(limit=9, after=newest[-1].id))
    assert {part.id for part in (*newest, *rest)} == {part.id for part in made}
    oldest = await world.uploads.parts(OURS, upload_id, page=Page(limit=1, ascending=True))
    assert oldest[0].id == min(part.id for part in made)


class Pulled:
    """A body that counts how much of it was asked for."""

    def __init__(self, pieces: int, size: int) -> None:
        self.pieces, self.size, self.pulled = pieces, size, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self.pieces):
            self.pulled += 1
            yield bytes(self.size)


async def test_a_part_of_the_limit_is_stored_and_one_byte_more_is_stopped_where_it_stands(
    world: World,
) -> None:
    upload_id = await world.open()
    assert (await world.part(upload_id, bytes(LIMITS.part_bytes))).extent.bytes == 1000
    body = Pulled(50, 101)
    with pytest.raises(PartTooLarge):
        await world.add(upload_id, body)
    assert body.pulled == 10
    assert len(await world.stored()) == 1
    assert (await world.upload(upload_id)).held_parts == 1


async def test_what_the_head_tells_is_refused_before_a_byte_is_read(world: World) -> None:
    body = Pulled(1, 1)
    upload_id = await world.open()
    with pytest.raises(PartTooLarge):
        await world.add(upload_id, body, at_least=1001)
    with pytest.raises(NoSuchUpload):
        await world.add("upload_" + "0" * 22, body)
    await world.uploads.cancel(OURS, upload_id)
    with pytest.raises(UploadCancelled):
        await world.add(upload_id, body)
    assert body.pulled == 0
    await world.check_empty()


@pytest.mark.parametrize("pieces", [(), (b"",), (b"", b"")])
async def test_an_empty_part_is_refused_and_leaves_nothing(world: World, pieces: tuple[bytes, ...]) -> None:
    upload_id = await world.open()
    with pytest.raises(UnfitFile):
        await world.part(upload_id, *pieces)
    assert (await world.upload(upload_id)).held_parts == 0
    await world.check_empty()


async def test_a_part_that_breaks_a_promised_digest_leaves_nothing(world: World) -> None:
    upload_id = await world.open()
    expected = Expected(algorithm="md5", value=bytes.fromhex(md5_of(b"hello")), source="Content-MD5")
    with pytest.raises(DigestMismatch) as refused:
        await world.add(upload_id, stream(b"hell", b"a"), meter=world.uploads.meter([expected]))
    assert refused.value.param == "Content-MD5"
    await world.check_empty()
    kept = await world.add(upload_id, stream(b"hell", b"o"), meter=world.uploads.meter([expected]))
    assert kept.extent.bytes == 5


@pytest.mark.parametrize("error", [ConnectionResetError("gone"), ValueError("broken"), KeyError("x")])
async def test_what_breaks_the_body_passes_through_and_leaves_nothing(world: World, error: Exception) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"some"
        raise error

    upload_id = await world.open()
    with pytest.raises(type(error)) as raised:
        await world.add(upload_id, broken())
    assert raised.value is error
    assert (await world.upload(upload_id)).held_parts == 0
    await world.check_empty()


async def test_a_cancelled_part_leaves_nothing(world: World) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"some"
        begun.set()
        await asyncio.Event().wait()

    upload_id = await world.open()
    task = asyncio.create_task(world.add(upload_id, endless()))
    await soon(begun.wait())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(task)
    assert (await world.upload(upload_id)).held_parts == 0
    await world.check_empty()


async def test_the_number_of_parts_and_what_they_hold_together_are_bounded(world: World) -> None:
    few = await world.open(20)
    for _ in range(LIMITS.parts):
        await world.part(few, b"x")
    with pytest.raises(TooManyParts):
        await world.part(few, b"x")
    large = await world.open(5000)
    for _ in range(6):
        await world.part(large, bytes(1000))
    with pytest.raises(UploadTooLarge):
        await world.part(large, b"x")
    assert (await world.upload(large)).held_bytes == LIMITS.held_bytes
    await world.check_tidy()
