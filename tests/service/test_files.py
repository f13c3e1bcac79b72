"""The story of a File: posted, found, read, deleted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from heavylift.domain import checksums
from heavylift.domain.errors import (
    FileTooLarge,
    InvalidRequest,
    NoSuchFile,
    Refusal,
    UnfitFile,
)
from heavylift.domain.files import Span
from heavylift.domain.purposes import PURPOSES
from heavylift.service.files import Description
from heavylift.service.ports import BlobMissing, Page
from tests.service.world import ALL, LIMITS, OURS, SCHEDULE, THEIRS, World, soon, stream, world_at


async def test_a_posted_file_is_found_as_it_was_answered(world: World) -> None:
    file = await world.post(b"hel", b"", b"lo", filename="C:\\dir\\b.png")
    assert (file.filename, file.purpose, file.bytes) == ("b.png", "user_data", 5)
    assert file.checksum == checksums.extend(0, b"hello")
    assert (file.created_at, file.expires_at) == (int(world.clock.now), None)
    assert await world.files.retrieve(OURS, file.id) == file
    assert await world.files.list(OURS, purpose=None, page=ALL) == [file]
    assert await world.content(file.id) == b"hello"


async def test_a_posted_batch_file_lives_for_thirty_days_unless_told_otherwise(world: World) -> None:
    default = await world.post(b"{}", purpose="batch", filename="b.jsonl")
    assert default.expires_at == default.created_at + 2_592_000
    chosen = await world.post(b"{}", purpose="batch", filename="b.jsonl", lifetime=3600)
    assert chosen.expires_at == chosen.created_at + 3600


@pytest.mark.parametrize(
    ("wrong", "kind", "param"),
    [
        ({"purpose": "answers"}, InvalidRequest, "purpose"),
        ({"filename": ".."}, InvalidRequest, "file"),
        ({"filename": "a\nb"}, InvalidRequest, "file"),
        ({"filename": "x.txt", "purpose": "batch"}, UnfitFile, "filename"),
        ({"lifetime": 3599}, InvalidRequest, "expires_after.seconds"),
        ({"lifetime": 2_592_001}, InvalidRequest, "expires_after.seconds"),
    ],
)
async def test_a_file_refused_for_its_description_leaves_nothing(
    world: World, wrong: dict[str, object], kind: type[Refusal], param: str
) -> None:
    with pytest.raises(kind) as refused:
        await world.post(b"hello", **wrong)  # type: ignore[arg-type]
    assert refused.value.param == param
    assert await world.files.list(OURS, purpose=None, page=ALL) == []
    await world.check_empty()


async def test_the_description_is_asked_for_when_the_bytes_have_passed(world: World) -> None:
    seen: list[str] = []

    async def body() -> AsyncIterator[bytes]:
        seen.append("first")
        yield b"a"
        seen.append("last")
        yield b"b"

    def describe() -> Description:
        seen.append("describe")
        return Description(filename="a", purpose="evals", lifetime=None)

    await world.files.create(OURS, body(), describe)
    assert seen == ["first", "last", "describe"]


async def test_what_describing_raises_leaves_nothing(world: World) -> None:
    def describe() -> Description:
        raise InvalidRequest("Missing required parameter: 'purpose'.", param="purpose")

    with pytest.raises(InvalidRequest):
        await world.files.create(OURS, stream(b"hello"), describe)
    await world.check_empty()


async def test_a_file_of_the_limit_is_stored_and_a_larger_one_is_stopped(world: World) -> None:
    assert (await world.post(bytes(1500), bytes(1500))).bytes == LIMITS.file_bytes
    for pieces in ((bytes(3001),), (bytes(3000), b"x")):
        with pytest.raises(FileTooLarge, match=r"3000 bytes.*POST /v1/uploads") as refused:
            await world.post(*pieces)
        assert (refused.value.param, refused.value.code) == ("file", "file_too_large")
    assert len(await world.stored()) == 1


async def test_a_file_whose_head_tells_too_much_is_refused_before_it_is_read(world: World) -> None:
    async def never() -> AsyncIterator[bytes]:
        pytest.fail("it was read")
        yield b""

    description = Description(filename="a", purpose="evals", lifetime=None)
    with pytest.raises(FileTooLarge):
        await world.files.create(OURS, never(), lambda: description, at_least=3001)


async def test_an_empty_file_is_refused_in_openais_words(world: World) -> None:
    with pytest.raises(UnfitFile) as refused:
        await world.post()
    assert refused.value.message.startswith("File is empty.")
    await world.check_empty()


async def test_a_file_beyond_its_purposes_own_limit_is_refused_in_openais_words() -> None:
    small = replace(PURPOSES["batch"], post_bytes=200)
    async with world_at("memory:", table={**PURPOSES, "batch": small}) as world:
        with pytest.raises(UnfitFile) as refused:
            await world.post(bytes(200), b"x", purpose="batch", filename="b.jsonl")
        assert refused.value.param == "file"
        assert refused.value.message.startswith("File is too large. It has ")
        assert "POST /v1/uploads" in refused.value.message
        await world.check_empty()
        assert (await world.post(bytes(200), purpose="batch", filename="b.jsonl")).bytes == 200


async def test_a_body_that_breaks_or_is_cancelled_leaves_nothing(world: World) -> None:
    begun = asyncio.Event()
    description = Description(filename="a", purpose="evals", lifetime=None)

    async def broken() -> AsyncIterator[bytes]:
        yield b"some"
        raise ConnectionResetError

    async def endless() -> AsyncIterator[bytes]:
        yield b"some"
        begun.set()
        await asyncio.Event().wait()

    with pytest.raises(ConnectionResetError):
        await world.files.create(OURS, broken(), lambda: description)
    task = asyncio.create_task(world.files.create(OURS, endless(), lambda: description))
    await soon(begun.wait())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(task)
    await world.check_empty()


async def test_an_unknown_a_malformed_and_someone_elses_file_are_told_apart_nowhere(world: World) -> None:
    theirs = await world.post(b"x", project=THEIRS)
    for file_id in (theirs.id, "file-" + "0" * 22, "file-none", "", theirs.id + "\n", "upload_x"):
        for ask in (world.files.retrieve, world.files.delete, world.files.content):
            with pytest.raises(NoSuchFile) as refused:
                await ask(OURS, file_id)
            assert refused.value.message == f"No such File object: {file_id}"
            assert (refused.value.param, refused.value.code) == ("id", None)
    assert await world.files.retrieve(THEIRS, theirs.id) == theirs


async def test_a_deleted_file_is_gone_at_once_and_its_bytes_after_the_grace(world: World) -> None:
    file = await world.post(b"hello")
    woken = world.wakes
    await world.files.delete(OURS, file.id)
    assert world.wakes > woken
    for ask in (world.files.retrieve, world.files.delete, world.files.content):
        with pytest.raises(NoSuchFile):
            await ask(OURS, file.id)
    await world.sweep()
    assert len(await world.stored()) == 1
    world.clock.advance(SCHEDULE.delete_grace)
    assert (await world.sweep()).deleted_blobs == 1
    await world.check_empty()


async def test_a_file_expires_at_its_second(world: World) -> None:
    file = await world.post(b"hello", lifetime=3600)
    assert file.expires_at is not None
    world.clock.now = file.expires_at - 0.001
    assert await world.content(file.id) == b"hello"
    world.clock.now = float(file.expires_at)
    for ask in (world.files.retrieve, world.files.delete, world.files.content):
        with pytest.raises(NoSuchFile):
            await ask(OURS, file.id)
    assert await world.files.list(OURS, purpose=None, page=ALL) == []
    assert (await world.sweep()).expired_files == 1
    world.clock.advance(SCHEDULE.delete_grace)
    await world.sweep()
    await world.check_empty()


async def test_a_closed_purpose_is_not_downloaded_but_is_seen(world: World) -> None:
    file = await world.post(b"png", purpose="vision", filename="a.png")
    with pytest.raises(InvalidRequest) as refused:
        await world.files.content(OURS, file.id)
    assert refused.value.message.startswith("Not allowed to download files of purpose: vision")
    assert await world.files.retrieve(OURS, file.id) == file


async def test_files_are_listed_by_purpose_in_pages_and_past_a_deleted_cursor(world: World) -> None:
    made = [await world.post(b"x") for _ in range(5)]
    batch = await world.post(b"{}", purpose="batch", filename="b.jsonl")
    assert await world.files.list(OURS, purpose="batch", page=ALL) == [batch]
    assert await world.files.list(OURS, purpose="nonsense", page=ALL) == []
    newest = sorted([file.id for file in made], reverse=True)
    page = await world.files.list(OURS, purpose="user_data", page=Page(limit=2))
    assert [file.id for file in page] == newest[:2]
    await world.files.delete(OURS, newest[1])
    rest = await world.files.list(OURS, purpose="user_data", page=Page(limit=9, after=newest[1]))
    assert [file.id for file in rest] == newest[2:]
    oldest = await world.files.list(OURS, purpose="user_data", page=Page(limit=9, ascending=True))
    assert [file.id for file in oldest] == sorted({*newest} - {newest[1]})


@pytest.mark.parametrize(
    "span", [Span(), Span(0, 1), Span(2, 7), Span(3, 6), Span(8, None), Span(9, 9), Span(0, 99)]
)
async def test_any_span_is_read_across_extents(world: World, span: Span) -> None:
    upload_id = await world.open(9)
    parts = [await world.part(upload_id, piece) for piece in (b"abc", b"defg", b"hi")]
    done = await world.complete(upload_id, parts)
    assert done.file is not None
    assert await world.content(done.file.id, span) == b"abcdefghi"[span.start : span.stop]


async def test_a_reader_is_told_when_bytes_are_gone(world: World) -> None:
    file = await world.post(b"hello")
    await world.blobs.port.delete(await world.stored())
    with pytest.raises(BlobMissing):
        await world.content(file.id)
    await world.files.delete(OURS, file.id)
