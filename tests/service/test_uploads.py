"""The story of an Upload: what each verb does, and what each refusal leaves behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from heavylift.domain import checksums
from heavylift.domain.errors import (
    BytesMismatch,
    DuplicatePart,
    InvalidRequest,
    Md5Mismatch,
    NoSuchFile,
    NoSuchUpload,
    PartNotFound,
    Refusal,
    UnfitFile,
    UploadCancelled,
    UploadCompleted,
    UploadExpired,
    UploadTooLarge,
)
from heavylift.domain.uploads import Status
from heavylift.service.ports import Page
from tests.service.world import ALL, OURS, THEIRS, World, md5_of, soon, stream

VALID = {
    "filename": "a.bin",
    "purpose": "user_data",
    "bytes": 10,
    "mime_type": "application/octet-stream",
    "lifetime": None,
}


async def test_a_new_upload_can_be_retrieved_as_it_was_created(world: World) -> None:
    made = await world.uploads.create(OURS, **VALID | {"filename": "../dir/näme.bin"})
    assert made.status is Status.PENDING
    assert made.file is None
    assert made.upload.filename == "näme.bin"
    assert await world.uploads.retrieve(OURS, made.upload.id) == made


@pytest.mark.parametrize(
    ("wrong", "kind", "param"),
    [
        ({"purpose": "answers"}, InvalidRequest, "purpose"),
        ({"filename": ""}, InvalidRequest, "filename"),
        ({"purpose": "batch", "filename": "x.txt"}, UnfitFile, "filename"),
        ({"purpose": "vision", "filename": "x.png", "mime_type": "text/x"}, UnfitFile, "mime_type"),
        ({"lifetime": 3599}, InvalidRequest, "expires_after.seconds"),
        ({"bytes": 0}, InvalidRequest, "bytes"),
        ({"bytes": 5001}, UploadTooLarge, "bytes"),
    ],
)
async def test_a_refused_create_leaves_nothing(
    world: World, wrong: dict[str, object], kind: type[Refusal], param: str
) -> None:
    with pytest.raises(kind) as refused:
        await world.uploads.create(OURS, **VALID | wrong)
    assert refused.value.param == param
    assert await world.uploads.list(OURS, status=None, page=ALL) == []


async def test_an_unknown_a_malformed_and_someone_elses_upload_are_told_apart_nowhere(world: World) -> None:
    theirs = await world.open(project=THEIRS)
    part = await world.part(theirs, b"x", project=THEIRS)
    for upload_id in (theirs, "upload_" + "0" * 22, "upload_none", "", theirs + "\n"):
        for ask in (
            lambda upload_id=upload_id: world.uploads.retrieve(OURS, upload_id),
            lambda upload_id=upload_id: world.uploads.parts(OURS, upload_id, page=ALL),
            lambda upload_id=upload_id: world.add(upload_id, stream(b"x")),
            lambda upload_id=upload_id: world.uploads.complete(OURS, upload_id, part_ids=[part.id], md5=None),
            lambda upload_id=upload_id: world.uploads.cancel(OURS, upload_id),
        ):
            with pytest.raises(NoSuchUpload) as refused:
                await ask()
            assert refused.value.message == f"No such Upload object: {upload_id}"
            assert (refused.value.param, refused.value.code) == ("upload_id", "upload_not_found")
    assert (await world.uploads.retrieve(THEIRS, theirs)).upload.held_bytes == 1


async def test_complete_makes_the_file_in_the_order_listed(world: World) -> None:
    upload_id = await world.open(11, lifetime=4000)
    second = await world.part(upload_id, b" world")
    first = await world.part(upload_id, b"hello")
    world.clock.advance(100)
    done = await world.complete(upload_id, [first, second], md5_of(b"hello world"))
    assert done.status is Status.COMPLETED
    file = done.file
    assert file is not None
    assert (file.bytes, file.filename, file.purpose) == (11, "a.bin", "user_data")
    assert file.checksum == checksums.extend(0, b"hello world")
    assert file.created_at == int(world.clock.now)
    assert file.expires_at == file.created_at + 4000
    assert await world.content(file.id) == b"hello world"
    assert await world.files.retrieve(OURS, file.id) == file
    assert await world.uploads.retrieve(OURS, upload_id) == done
    await world.check_tidy()


async def test_parts_that_were_not_listed_are_reclaimed(world: World) -> None:
    upload_id = await world.open(5)
    kept, retried = await world.part(upload_id, b"hello"), await world.part(upload_id, b"hello")
    woken = world.wakes
    done = await world.complete(upload_id, [kept])
    assert world.wakes > woken
    assert await world.condemned() == {retried.extent.blob}
    assert await world.uploads.parts(OURS, upload_id, page=ALL) == [kept]
    assert (await world.upload(upload_id)).held_bytes == 5
    await world.sweep_due()
    assert await world.stored() == {kept.extent.blob}
    assert done.file is not None
    assert await world.content(done.file.id) == b"hello"


@pytest.mark.parametrize("spell", [str.lower, str.upper])
async def test_the_case_of_md5_does_not_matter(world: World, spell: object) -> None:
    upload_id = await world.open(3)
    part = await world.part(upload_id, b"abc")
    done = await world.complete(upload_id, [part], spell(md5_of(b"abc")))  # type: ignore[operator]
    assert done.status is Status.COMPLETED
    again = await world.complete(upload_id, [part], md5_of(b"abc"))
    assert again == done


async def test_a_failed_check_leaves_the_upload_pending_and_able(world: World) -> None:
    upload_id, other_id = await world.open(6), await world.open(3)
    one, two = await world.part(upload_id, b"abc"), await world.part(upload_id, b"def")
    foreign = await world.part(other_id, b"abc")
    for parts, md5, kind in (
        ([one], None, BytesMismatch),
        ([], None, BytesMismatch),
        ([one, one], None, DuplicatePart),
        ([one, foreign], None, PartNotFound),
        ([one, two], md5_of(b"defabc"), Md5Mismatch),
        ([one, two], "0" * 32, Md5Mismatch),
    ):
        with pytest.raises(kind):
            await world.complete(upload_id, parts, md5)
        assert (await world.uploads.retrieve(OURS, upload_id)).status is Status.PENDING
        assert await world.files.list(OURS, purpose=None, page=ALL) == []
    third = await world.part(upload_id, b"ghi")
    done = await world.complete(upload_id, [third, one])
    assert done.file is not None
    assert await world.content(done.file.id) == b"ghiabc"


async def test_the_refusal_of_an_md5_names_expected_and_received(world: World) -> None:
    upload_id = await world.open(3)
    part = await world.part(upload_id, b"abc")
    with pytest.raises(Md5Mismatch) as refused:
        await world.complete(upload_id, [part], "f" * 32)
    assert md5_of(b"abc") in refused.value.message
    assert "f" * 32 in refused.value.message
    assert (refused.value.param, refused.value.code) == ("md5", "md5_mismatch")


async def test_complete_can_be_repeated_and_only_with_the_same_arguments(world: World) -> None:
    upload_id = await world.open(4)
    parts = [await world.part(upload_id, b"ab"), await world.part(upload_id, b"cd")]
    done = await world.complete(upload_id, parts)
    assert await world.complete(upload_id, parts) == done
    world.clock.advance(10 * 3600)
    assert await world.complete(upload_id, parts) == done
    for other, md5 in ((parts[::-1], None), (parts[:1], None), ([], None), (parts, md5_of(b"abcd"))):
        with pytest.raises(UploadCompleted, match="completed already") as refused:
            await world.complete(upload_id, other, md5)
        assert refused.value.code == "upload_completed"
    assert len(await world.files.list(OURS, purpose=None, page=ALL)) == 1


async def test_a_completed_upload_takes_nothing_more(world: World) -> None:
    upload_id = await world.open(3)
    part = await world.part(upload_id, b"abc")
    done = await world.complete(upload_id, [part])
    with pytest.raises(UploadCompleted):
        await world.part(upload_id, b"x")
    with pytest.raises(UploadCompleted):
        await world.uploads.cancel(OURS, upload_id)
    assert done.file is not None
    assert await world.content(done.file.id) == b"abc"
    await world.check_tidy()


async def test_a_completed_upload_outlives_its_file(world: World) -> None:
    upload_id = await world.open(3)
    part = await world.part(upload_id, b"abc")
    done = await world.complete(upload_id, [part])
    assert done.file is not None
    await world.files.delete(OURS, done.file.id)
    snapshot = await world.uploads.retrieve(OURS, upload_id)
    assert (snapshot.status, snapshot.file) == (Status.COMPLETED, None)
    assert snapshot.upload.held_parts == 0
    assert await world.uploads.parts(OURS, upload_id, page=ALL) == []
    with pytest.raises(NoSuchFile):
        await world.content(done.file.id)


async def test_cancel_lets_go_of_the_parts_and_can_be_repeated(world: World) -> None:
    upload_id = await world.open()
    part = await world.part(upload_id, b"abc")
    woken = world.wakes
    gone = await world.uploads.cancel(OURS, upload_id)
    assert gone.status is Status.CANCELLED
    assert world.wakes > woken
    assert (gone.upload.held_bytes, gone.upload.held_parts) == (0, 0)
    assert await world.uploads.cancel(OURS, upload_id) == gone
    with pytest.raises(UploadCancelled):
        await world.part(upload_id, b"x")
    with pytest.raises(UploadCancelled):
        await world.complete(upload_id, [part])
    assert await world.condemned() == {part.extent.blob}
    await world.sweep_due()
    await world.check_empty()


async def test_the_last_moment_of_an_upload_counts_and_the_next_does_not(world: World) -> None:
    upload_id, other_id = await world.open(3), await world.open(3)
    deadline = (await world.upload(upload_id)).expires_at
    world.clock.now = deadline - 0.001
    part = await world.part(upload_id, b"abc")
    await world.part(other_id, b"abc")
    assert (await world.complete(upload_id, [part])).status is Status.COMPLETED
    world.clock.now = float(deadline)
    with pytest.raises(UploadExpired):
        await world.part(other_id, b"abc")
    with pytest.raises(UploadExpired):
        await world.complete(other_id, [])
    with pytest.raises(UploadExpired):
        await world.uploads.cancel(OURS, other_id)
    assert (await world.uploads.retrieve(OURS, other_id)).status is Status.EXPIRED
    assert (await world.uploads.retrieve(OURS, upload_id)).status is Status.COMPLETED


async def test_a_part_and_a_complete_are_judged_at_their_start(world: World) -> None:
    upload_id = await world.open(3)
    deadline = (await world.upload(upload_id)).expires_at
    world.clock.now = deadline - 1.0

    async def slow() -> AsyncIterator[bytes]:
        yield b"ab"
        world.clock.now = deadline + 1.0
        yield b"c"

    part = await world.add(upload_id, slow())
    assert part.created_at == deadline + 1
    world.clock.now = deadline - 1.0
    held = world.blobs.pause("read")
    completing = asyncio.create_task(world.complete(upload_id, [part], md5_of(b"abc")))
    await held.reached()
    world.clock.now = deadline + 1.0
    held.release()
    assert (await soon(completing)).status is Status.COMPLETED


async def test_uploads_are_listed_by_the_status_they_have_now(world: World) -> None:
    open_id, cancelled_id, done_id, late_id = [await world.open(1) for _ in range(4)]
    await world.uploads.cancel(OURS, cancelled_id)
    await world.complete(done_id, [await world.part(done_id, b"x")])
    await world.open(project=THEIRS)

    async def listed(status: Status | None) -> set[str]:
        found = await world.uploads.list(OURS, status=status, page=ALL)
        assert all(status in (None, one.status) for one in found)
        return {one.upload.id for one in found}

    assert await listed(Status.PENDING) == {open_id, late_id}
    assert await listed(Status.CANCELLED) == {cancelled_id}
    assert await listed(Status.COMPLETED) == {done_id}
    assert await listed(Status.EXPIRED) == set()
    assert await listed(None) == {open_id, cancelled_id, done_id, late_id}
    world.clock.advance(3600)
    young_id = await world.open(1)
    assert await listed(Status.PENDING) == {young_id}
    assert await listed(Status.EXPIRED) == {open_id, late_id}
    world.clock.advance(700)
    await world.sweep_due()
    assert await listed(Status.EXPIRED) == {open_id, late_id}


async def test_uploads_are_paged_without_gap_or_repetition(world: World) -> None:
    made = [await world.open(1) for _ in range(7)]
    seen: list[str] = []
    after = None
    while found := await world.uploads.list(OURS, status=None, page=Page(limit=3, after=after)):
        seen += [one.upload.id for one in found]
        after = seen[-1]
    assert seen == sorted(made, reverse=True)


async def test_completed_again_after_its_file_was_deleted_it_says_so(world: World) -> None:
    upload = await world.open(3)
    parts = [await world.part(upload, b"abc")]
    made = (await world.complete(upload, parts)).file
    assert made is not None
    assert (await world.complete(upload, parts)).file == made
    await world.files.delete(OURS, made.id)
    with pytest.raises(UploadCompleted, match=f"{made.id}, which has been deleted") as refused:
        await world.complete(upload, parts)
    assert "create a new Upload" in refused.value.message
    assert (await world.uploads.retrieve(OURS, upload)).file is None
