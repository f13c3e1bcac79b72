"""What every catalog promises of uploads and files. `test_catalog.py` holds each driver to it."""

from dataclasses import replace
from itertools import combinations

import pytest

from heavylift.domain.errors import NoSuchFile
from heavylift.domain.files import File, Span, touched
from heavylift.domain.uploads import Status
from heavylift.service.ports import Catalog, Page, StorageDown
from tests.contract.catalog_facts import (
    ALL,
    DEADLINE,
    FOREVER,
    MINE,
    NOW,
    ROOM,
    THEIRS,
    all_of_it,
    assert_counts_true,
    assert_no_blob_lost,
    blobs_of,
    extents_of,
    finish,
    in_garbage,
    new_extent,
    new_file,
    new_part,
    new_upload,
    stored_file,
    stored_upload,
)


class CatalogOfUploads:
    """Uploads and their Parts."""

    async def test_an_upload_comes_back_as_it_went_in(self, catalog: Catalog) -> None:
        plain = new_upload(file_lifetime=None, bytes=0)
        for upload in (new_upload(), plain):
            await catalog.add_upload(upload)
            assert await catalog.upload(MINE, upload.id) == upload
        assert await catalog.upload(MINE, "upload_unknown") is None

    async def test_an_upload_cannot_be_added_twice(self, catalog: Catalog) -> None:
        upload = new_upload()
        await catalog.add_upload(upload)
        with pytest.raises(StorageDown):
            await catalog.add_upload(replace(upload, filename="another"))
        assert await catalog.upload(MINE, upload.id) == upload

    async def test_a_part_comes_back_and_is_counted(self, catalog: Catalog) -> None:
        upload, parts = await stored_upload(catalog, 1, 64 * 2**20, 2**33)
        assert await catalog.parts(MINE, upload.id) == parts[::-1]
        assert (upload.held_bytes, upload.held_parts) == (1 + 64 * 2**20 + 2**33, 3)

    async def test_a_part_needs_room_for_its_bytes(self, catalog: Catalog) -> None:
        upload, _ = await stored_upload(catalog, 60)
        room = ROOM | {"held_bytes": 100}
        assert not await catalog.add_part(MINE, new_part(upload, 41), **room)
        assert await catalog.add_part(MINE, new_part(upload, 40), **room)
        assert not await catalog.add_part(MINE, new_part(upload, 1), **room)
        assert (await assert_counts_true(catalog, upload)).held_bytes == 100

    async def test_a_part_needs_room_among_the_parts(self, catalog: Catalog) -> None:
        upload, _ = await stored_upload(catalog, 1, 1)
        room = ROOM | {"held_parts": 3}
        assert await catalog.add_part(MINE, new_part(upload), **room)
        assert not await catalog.add_part(MINE, new_part(upload), **room)
        assert (await assert_counts_true(catalog, upload)).held_parts == 3

    async def test_a_part_needs_an_upload(self, catalog: Catalog) -> None:
        part = new_part(new_upload())
        assert not await catalog.add_part(MINE, part, **ROOM)
        assert await catalog.orphans(blobs_of([part])) == blobs_of([part])

    @pytest.mark.parametrize("early", [0.001, 1, 3600])
    async def test_until_its_deadline_an_upload_takes_parts_and_closes(
        self, catalog: Catalog, early: float
    ) -> None:
        moment = DEADLINE - early
        for close in ("complete", "cancel"):
            upload, _ = await stored_upload(catalog)
            part = new_part(upload)
            assert await catalog.add_part(MINE, part, **ROOM | {"judged_at": moment})
            if close == "cancel":
                assert await catalog.cancel(MINE, upload.id, judged_at=moment, due=0)
            else:
                file, extents = new_file([part.extent]), [part.extent]
                assert await catalog.complete(
                    MINE, upload.id, file=file, extents=extents, receipt="r", judged_at=moment, due=0
                )

    @pytest.mark.parametrize("late", [0, 0.001, 3600])
    async def test_from_its_deadline_on_an_upload_takes_nothing(self, catalog: Catalog, late: float) -> None:
        moment = DEADLINE + late
        upload, parts = await stored_upload(catalog, 5)
        assert not await catalog.add_part(MINE, new_part(upload), **ROOM | {"judged_at": moment})
        assert not await catalog.cancel(MINE, upload.id, judged_at=moment, due=0)
        file, extents = new_file([parts[0].extent]), [parts[0].extent]
        assert not await catalog.complete(
            MINE, upload.id, file=file, extents=extents, receipt="r", judged_at=moment, due=0
        )
        assert await catalog.upload(MINE, upload.id) == upload
        assert await catalog.parts(MINE, upload.id) == parts

    async def test_a_closed_upload_takes_nothing(self, catalog: Catalog) -> None:
        completed, parts = await stored_upload(catalog, 5)
        assert await finish(catalog, completed, parts)
        cancelled, _ = await stored_upload(catalog, 5)
        assert await catalog.cancel(MINE, cancelled.id, judged_at=NOW, due=0)
        for upload in (completed, cancelled):
            before = await assert_counts_true(catalog, upload)
            assert not await catalog.add_part(MINE, new_part(upload), **ROOM)
            assert not await catalog.cancel(MINE, upload.id, judged_at=NOW, due=0)
            assert await finish(catalog, upload, []) is None
            assert await finish(catalog, upload, parts) is None
            assert await assert_counts_true(catalog, upload) == before

    async def test_completing_makes_a_file_of_the_listed_parts_in_their_order(self, catalog: Catalog) -> None:
        upload, parts = await stored_upload(catalog, 10, 20, 30, 40)
        listed, unlisted = [parts[3], parts[0], parts[2]], parts[1]
        file = await finish(catalog, upload, listed, expires_at=DEADLINE)
        assert file is not None
        assert await catalog.file(MINE, file.id, now=NOW) == file
        assert await extents_of(catalog, file.id) == [part.extent for part in listed]
        after = await assert_counts_true(catalog, upload)
        assert after == replace(
            upload,
            state=Status.COMPLETED,
            file_id=file.id,
            receipt="r" * 64,
            held_bytes=80,
            held_parts=3,
        )
        assert await catalog.parts(MINE, upload.id) == [parts[3], parts[2], parts[0]]
        assert await in_garbage(catalog, due=NOW) == {unlisted.extent.blob}
        await assert_no_blob_lost(catalog, blobs_of(parts))

    async def test_a_file_may_have_no_extent(self, catalog: Catalog) -> None:
        upload, parts = await stored_upload(catalog, 10)
        file = await finish(catalog, upload, [])
        assert file is not None
        assert await catalog.content(MINE, file.id, now=NOW, wanted=all_of_it) == (file, [])
        await assert_counts_true(catalog, upload)
        assert await in_garbage(catalog, due=NOW) == set(blobs_of(parts))

    async def test_completing_is_refused_whole_when_an_extent_is_not_there(self, catalog: Catalog) -> None:
        upload, parts = await stored_upload(catalog, 10, 20)
        other, others = await stored_upload(catalog, 30)
        done, used = await stored_upload(catalog, 40)
        assert await finish(catalog, done, used)
        missing = new_part(upload)
        for wrong in (missing, others[0], used[0], parts[0]):
            assert await finish(catalog, upload, [parts[0], wrong]) is None
            assert await assert_counts_true(catalog, upload) == upload
        assert await assert_counts_true(catalog, other) == other
        assert len(await catalog.files(MINE, purpose=None, now=NOW, page=ALL)) == 1
        assert await in_garbage(catalog) == set()
        assert await finish(catalog, upload, parts), "a refusal leaves the Upload as it was"

    async def test_cancelling_hands_all_parts_to_the_garbage(self, catalog: Catalog) -> None:
        upload, parts = await stored_upload(catalog, 10, 20)
        assert await catalog.cancel(MINE, upload.id, judged_at=NOW, due=0)
        after = await assert_counts_true(catalog, upload)
        assert after == replace(upload, state=Status.CANCELLED, held_bytes=0, held_parts=0)
        assert await catalog.parts(MINE, upload.id) == []
        assert await in_garbage(catalog, due=NOW) == set(blobs_of(parts))
        await assert_no_blob_lost(catalog, blobs_of(parts))

    async def test_uploads_are_found_by_the_status_they_have_now(self, catalog: Catalog) -> None:
        pending, overdue, expired, cancelled, completed = [new_upload() for _ in range(5)]
        overdue = replace(overdue, expires_at=DEADLINE - 60)
        expired = replace(expired, expires_at=DEADLINE - 120)
        for upload in (pending, overdue, expired, cancelled, completed):
            await catalog.add_upload(upload)
        assert await catalog.cancel(MINE, cancelled.id, judged_at=NOW, due=0)
        assert await finish(catalog, completed, [])
        assert (await catalog.expire_uploads(before=DEADLINE - 60, due=0, limit=10)).rows == 1
        for now, status, found in (
            (DEADLINE - 60.001, Status.PENDING, [overdue, pending]),
            (DEADLINE - 60, Status.PENDING, [pending]),
            (DEADLINE + 9, Status.PENDING, []),
            (DEADLINE - 60.001, Status.EXPIRED, [expired]),
            (DEADLINE - 60, Status.EXPIRED, [expired, overdue]),
            (DEADLINE + 9, Status.EXPIRED, [expired, overdue, pending]),
            (DEADLINE + 9, Status.CANCELLED, [cancelled]),
            (DEADLINE + 9, Status.COMPLETED, [completed]),
            (NOW, None, [pending, overdue, expired, cancelled, completed]),
        ):
            listed = await catalog.uploads(MINE, status=status, now=now, page=ALL)
            assert {upload.id for upload in listed} == {upload.id for upload in found}
            assert status is None or all(upload.status_at(now) is status for upload in listed)
            for page in (Page(limit=10, ascending=True), Page(limit=10)):
                listed = await catalog.uploads(MINE, status=status, now=now, page=page)
                assert [u.id for u in listed] == sorted((u.id for u in found), reverse=not page.ascending)


class CatalogOfFiles:
    """Files, posted or completed."""

    async def test_a_posted_file_comes_back_as_it_went_in(self, catalog: Catalog) -> None:
        extents = [new_extent(7), new_extent(5)]
        file = new_file(extents, expires_at=DEADLINE)
        await catalog.add_file(file, extents, bytes_until=FOREVER)
        assert await catalog.file(MINE, file.id, now=NOW) == file
        assert await extents_of(catalog, file.id) == extents
        places = [(extents[0], Span(0, 7)), (extents[1], Span(0, 5))]
        assert await catalog.content(MINE, file.id, now=NOW, wanted=all_of_it) == (file, places)
        assert await catalog.file(MINE, "file-unknown", now=NOW) is None
        assert await catalog.content(MINE, "file-unknown", now=NOW, wanted=all_of_it) is None
        assert await catalog.content(THEIRS, file.id, now=NOW, wanted=all_of_it) is None

    async def test_the_places_of_a_span_are_found_and_no_others(self, catalog: Catalog) -> None:
        extents = [new_extent(size) for size in (3, 0, 4, 5)]
        file = new_file(extents)
        await catalog.add_file(file, extents, bytes_until=FOREVER)
        for start, stop in combinations(range(file.bytes + 2), 2):
            span = Span(start, stop)
            found = await catalog.content(MINE, file.id, now=NOW, wanted=lambda _, span=span: span)
            assert found == (file, list(touched(extents, span)))

    async def test_whoever_wants_no_bytes_or_refuses_gets_no_places(self, catalog: Catalog) -> None:
        file = await stored_file(catalog, 7, 5)
        for nothing in (None, Span(4, 4), Span(12), Span(99, None)):
            found = await catalog.content(MINE, file.id, now=NOW, wanted=lambda _, span=nothing: span)
            assert found == (file, [])

        def refuse(asked: File) -> Span:
            raise NoSuchFile(asked.id)

        with pytest.raises(NoSuchFile):
            await catalog.content(MINE, file.id, now=NOW, wanted=refuse)
        assert await catalog.content(MINE, file.id, now=NOW, wanted=all_of_it) is not None

    async def test_a_file_cannot_be_made_of_garbage(self, catalog: Catalog) -> None:
        extents = [new_extent(), new_extent()]
        assert await catalog.condemn([extents[1].blob], due=NOW + 9) == [extents[1].blob]
        file = new_file(extents)
        with pytest.raises(StorageDown):
            await catalog.add_file(file, extents, bytes_until=FOREVER)
        assert await catalog.file(MINE, file.id, now=NOW) is None
        assert await extents_of(catalog, file.id) == []
        assert await catalog.orphans([extent.blob for extent in extents]) == [extents[0].blob]

    async def test_a_file_is_gone_from_its_expiry_on(self, catalog: Catalog) -> None:
        file = await stored_file(catalog, expires_at=DEADLINE)
        kept = await stored_file(catalog)
        for now, found in ((DEADLINE - 0.001, file), (DEADLINE, None), (DEADLINE + 0.5, None)):
            assert await catalog.file(MINE, file.id, now=now) == found
            content = await catalog.content(MINE, file.id, now=now, wanted=all_of_it)
            assert (content and content[0]) == found
            listed = await catalog.files(MINE, purpose=None, now=now, page=ALL)
            assert listed == [kept, file] if found else [kept]
        assert not await catalog.remove_file(MINE, file.id, now=DEADLINE, due=DEADLINE)
        assert await extents_of(catalog, file.id) != [], "it is the upkeep that forgets it"

    async def test_removing_a_file_hands_its_blobs_to_the_garbage_when_due(self, catalog: Catalog) -> None:
        upload, parts = await stored_upload(catalog, 10, 20)
        file = await finish(catalog, upload, parts)
        assert file is not None
        posted = await stored_file(catalog, 1, 2)
        blobs = blobs_of(parts) + [extent.blob for extent in await extents_of(catalog, posted.id)]
        for doomed in (file, posted):
            assert await catalog.remove_file(MINE, doomed.id, now=NOW, due=NOW + 60)
            assert not await catalog.remove_file(MINE, doomed.id, now=NOW, due=NOW + 60)
            assert await catalog.file(MINE, doomed.id, now=NOW) is None
            assert await extents_of(catalog, doomed.id) == []
        assert await in_garbage(catalog, due=NOW + 59.999) == set()
        assert await in_garbage(catalog, due=NOW + 60) == set(blobs)
        after = await assert_counts_true(catalog, upload)
        assert (after.state, after.file_id, after.held_parts) == (Status.COMPLETED, file.id, 0)
        await assert_no_blob_lost(catalog, blobs)
        await catalog.forget_garbage(blobs)
        await assert_no_blob_lost(catalog, blobs, forgotten=blobs)

    async def test_files_are_listed_by_purpose(self, catalog: Catalog) -> None:
        batch = [await stored_file(catalog, purpose="batch") for _ in range(3)]
        await stored_file(catalog, purpose="vision")
        await stored_file(catalog, purpose="batch", expires_at=int(NOW))
        assert await catalog.files(MINE, purpose="batch", now=NOW, page=ALL) == batch[::-1]
        assert await catalog.files(MINE, purpose="' OR 1=1", now=NOW, page=ALL) == []
        assert len(await catalog.files(MINE, purpose=None, now=NOW, page=ALL)) == 4
