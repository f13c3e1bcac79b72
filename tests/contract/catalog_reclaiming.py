"""What a catalog promises the sweeper beyond expiry and garbage: age, reasons, searches, the time."""

import time

import pytest

from heavylift.domain import ids
from heavylift.service.ports import Catalog, StorageDown
from heavylift.service.upkeep import Condemned, Expiring, Search
from tests.contract.catalog_facts import (
    DEADLINE,
    FOREVER,
    MINE,
    NOW,
    ROOM,
    assert_counts_true,
    blobs_of,
    in_garbage,
    new_extent,
    new_file,
    new_part,
    stored_file,
    stored_upload,
)


class CatalogOfReclaiming:
    """Judged by the catalog's own clock, which here is the real one."""

    async def test_a_part_comes_too_late_once_its_bytes_may_be_gone(self, catalog: Catalog) -> None:
        upload, _ = await stored_upload(catalog, 1)
        late = new_part(upload)
        for ago in (0.0, 1000.0):
            moment = await catalog.now() - ago
            assert not await catalog.add_part(MINE, late, **ROOM | {"bytes_until": moment})
        assert await assert_counts_true(catalog, upload) == upload
        assert await catalog.add_part(MINE, late, **ROOM | {"bytes_until": await catalog.now() + 60})

    async def test_a_posted_file_comes_too_late_once_its_bytes_may_be_gone(self, catalog: Catalog) -> None:
        extents = [new_extent()]
        file = new_file(extents)
        with pytest.raises(StorageDown, match="collected"):
            await catalog.add_file(file, extents, bytes_until=await catalog.now())
        assert await catalog.file(MINE, file.id, now=NOW) is None
        await catalog.add_file(file, extents, bytes_until=await catalog.now() + 60)

    async def test_it_tells_the_time(self, catalog: Catalog) -> None:
        assert abs(await catalog.now() - time.time()) < 60

    async def test_dropped_parts_wait_until_they_are_due(self, catalog: Catalog) -> None:
        cancelled, dropped = await stored_upload(catalog, 1)
        overdue, late = await stored_upload(catalog, 1)
        assert await catalog.cancel(MINE, cancelled.id, judged_at=NOW, due=NOW + 60)
        await catalog.expire_uploads(before=DEADLINE + 1, due=NOW + 70, limit=9)
        assert await in_garbage(catalog, due=NOW + 59) == set()
        assert await in_garbage(catalog, due=NOW + 60) == set(blobs_of(dropped))
        assert await in_garbage(catalog, due=NOW + 70) == set(blobs_of(dropped + late))
        assert overdue.id != cancelled.id

    async def test_garbage_says_why_it_is_there(self, catalog: Catalog) -> None:
        cancelled, dropped = await stored_upload(catalog, 1)
        expired, late = await stored_upload(catalog, 1)
        deleted = await stored_file(catalog)
        [orphan] = await catalog.condemn([ids.new_blob_key()], due=NOW)
        assert await catalog.cancel(MINE, cancelled.id, judged_at=NOW, due=1)
        await catalog.expire_uploads(before=DEADLINE + 1, due=2, limit=9)
        assert await catalog.remove_file(MINE, deleted.id, now=NOW, due=3)
        found: list[Condemned] = []
        while more := await catalog.condemned(after=found[-1].blob if found else "", limit=1):
            found += more
        reasons = {one.blob: (one.due, one.why) for one in found}
        assert reasons[dropped[0].extent.blob] == (1, f"{cancelled.id} was cancelled")
        assert reasons[late[0].extent.blob] == (2, f"{expired.id} expired")
        assert reasons[orphan] == (NOW, "nothing pointed at it")
        assert (3, f"{deleted.id} was deleted") in reasons.values()
        assert len(found) == 4

    async def test_what_the_next_round_expires_is_told_with_its_blobs(self, catalog: Catalog) -> None:
        overdue, parts = await stored_upload(catalog, 1, 2)
        file = await stored_file(catalog, 3, expires_at=DEADLINE)
        await stored_file(catalog, 3)
        moments = {"uploads_before": DEADLINE + 0.5, "files_before": float(DEADLINE)}
        [first] = await catalog.expiring(**moments, after="", limit=1)
        [second] = await catalog.expiring(**moments, after=first.owner, limit=9)
        assert (first.owner, len(first.blobs)) == (file.id, 1)
        assert Expiring(owner=second.owner, blobs=sorted(second.blobs)) == Expiring(
            owner=overdue.id, blobs=sorted(blobs_of(parts))
        )
        assert await catalog.expiring(**moments, after=overdue.id, limit=9) == []

    async def test_garbage_that_cannot_go_waits(self, catalog: Catalog) -> None:
        keys = await catalog.condemn([ids.new_blob_key() for _ in range(2)], due=NOW)
        await catalog.postpone_garbage(keys[:1], due=NOW + 60)
        assert await in_garbage(catalog, due=NOW + 59) == set(keys[1:])
        assert await in_garbage(catalog, due=NOW + 60) == set(keys)

    async def test_the_last_search_is_remembered_until_blobs_are_claimed_anew(self, catalog: Catalog) -> None:
        assert await catalog.last_search() is None
        for search in (Search(at=NOW), Search(at=NOW + 1, doubted_at=NOW)):
            await catalog.remember_search(search)
            assert await catalog.last_search() == search
        await catalog.installation("name")
        await catalog.remember_mark()
        assert await catalog.last_search() is None
        await catalog.remember_search(Search(at=NOW))
        await catalog.remember_search(None)
        assert await catalog.last_search() is None

    async def test_everything_can_be_made_durable(self, catalog: Catalog) -> None:
        upload, _ = await stored_upload(catalog, 1)
        await catalog.make_durable()
        assert await catalog.upload(MINE, upload.id) == upload
        assert await catalog.now() < FOREVER
