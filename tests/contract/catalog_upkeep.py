"""What every catalog promises of lists, upkeep, projects and keys."""

from dataclasses import replace

import pytest

from heavylift.domain import ids
from heavylift.domain.errors import IdempotencyKeyReused
from heavylift.domain.idempotency import KEPT_SECONDS, Once
from heavylift.domain.uploads import Status
from heavylift.service.ports import Catalog, Key, Page, Project
from heavylift.service.upkeep import Overdue, Reclaimed
from tests.contract.catalog_facts import (
    ALL,
    DEADLINE,
    MINE,
    NOW,
    ROOM,
    assert_counts_true,
    assert_no_blob_lost,
    blobs_of,
    extents_of,
    finish,
    in_garbage,
    new_part,
    new_upload,
    stored_file,
    stored_upload,
)


class CatalogOfLists:
    """Pages follow one another by id, whatever happens in between."""

    async def test_pages_give_every_entry_once_in_both_directions(self, catalog: Catalog) -> None:
        upload, parts = await stored_upload(catalog, *range(1, 8))
        uploads = [upload, *[new_upload() for _ in range(6)]]
        for other in uploads[1:]:
            await catalog.add_upload(other)
        files = [await stored_file(catalog) for _ in range(7)]

        async def walk(kind: str, page: Page) -> list[str]:
            match kind:
                case "uploads":
                    found = await catalog.uploads(MINE, status=None, now=NOW, page=page)
                case "pending":
                    found = await catalog.uploads(MINE, status=Status.PENDING, now=NOW, page=page)
                case "files":
                    found = await catalog.files(MINE, purpose=None, now=NOW, page=page)
                case "of purpose":
                    found = await catalog.files(MINE, purpose="fine-tune", now=NOW, page=page)
                case _:
                    found = await catalog.parts(MINE, upload.id, page)
            return [entry.id for entry in found]

        for kind, entries in {
            "uploads": uploads,
            "pending": uploads,
            "files": files,
            "of purpose": files,
            "parts": parts,
        }.items():
            for ascending in (True, False):
                seen: list[str] = []
                while found := await walk(
                    kind, Page(limit=3, after=seen[-1] if seen else None, ascending=ascending)
                ):
                    assert len(found) <= 3
                    seen += found
                assert seen == sorted((entry.id for entry in entries), reverse=not ascending)

    async def test_the_cursor_of_a_deleted_entry_still_names_a_position(self, catalog: Catalog) -> None:
        files = [await stored_file(catalog) for _ in range(5)]
        assert await catalog.remove_file(MINE, files[2].id, now=NOW, due=NOW)
        after = files[2].id
        newer = await catalog.files(
            MINE, purpose=None, now=NOW, page=Page(limit=9, after=after, ascending=True)
        )
        older = await catalog.files(MINE, purpose=None, now=NOW, page=Page(limit=9, after=after))
        assert (newer, older) == (files[3:], files[1::-1])

    async def test_ids_compare_by_byte(self, catalog: Catalog) -> None:
        """As a language would sort them, `a` came before `B`, and pages would skip."""
        wanted = ["file-0", "file-B", "file-Z", "file-a", "file-b", "file-é"]
        for file_id in wanted:
            await stored_file(catalog, id=file_id)
        page = Page(limit=9, ascending=True)
        assert [file.id for file in await catalog.files(MINE, purpose=None, now=NOW, page=page)] == wanted
        page = Page(limit=9, after="file-Z")
        found = await catalog.files(MINE, purpose=None, now=NOW, page=page)
        assert [file.id for file in found] == ["file-B", "file-0"]


class CatalogOfUpkeep:
    """Expiry, garbage, orphans."""

    async def test_overdue_uploads_expire_and_give_up_their_parts(self, catalog: Catalog) -> None:
        overdue, parts = await stored_upload(catalog, 10, 20)
        later = new_upload(expires_at=DEADLINE + 1)
        await catalog.add_upload(later)
        closed, used = await stored_upload(catalog, 30)
        assert await finish(catalog, closed, used)
        assert await catalog.expire_uploads(before=DEADLINE, due=0, limit=100) == Reclaimed()
        taken = await catalog.expire_uploads(before=DEADLINE + 0.5, due=0, limit=100)
        assert taken == Reclaimed(rows=1, blobs=2)
        after = await assert_counts_true(catalog, overdue)
        assert after == replace(overdue, state=Status.EXPIRED, held_bytes=0, held_parts=0)
        assert await catalog.upload(MINE, later.id) == later
        assert await in_garbage(catalog, due=NOW) == set(blobs_of(parts))
        await assert_no_blob_lost(catalog, blobs_of(parts + used))

    async def test_overdue_files_are_forgotten(self, catalog: Catalog) -> None:
        upload, parts = await stored_upload(catalog, 10, 20)
        file = await finish(catalog, upload, parts, expires_at=DEADLINE)
        assert file is not None
        kept = await stored_file(catalog)
        assert await catalog.expire_files(before=DEADLINE - 0.5, due=NOW, limit=100) == Reclaimed()
        taken = await catalog.expire_files(before=DEADLINE, due=DEADLINE + 60, limit=100)
        assert taken == Reclaimed(rows=1, blobs=2)
        assert await extents_of(catalog, file.id) == []
        assert await catalog.files(MINE, purpose=None, now=NOW, page=ALL) == [kept]
        assert await in_garbage(catalog, due=DEADLINE + 59) == set()
        assert await in_garbage(catalog, due=DEADLINE + 60) == set(blobs_of(parts))
        await assert_counts_true(catalog, upload)

    async def test_closed_uploads_are_forgotten_and_their_files_stay(self, catalog: Catalog) -> None:
        pending, _ = await stored_upload(catalog, 1)
        cancelled, _ = await stored_upload(catalog, 1)
        assert await catalog.cancel(MINE, cancelled.id, judged_at=NOW, due=0)
        completed, parts = await stored_upload(catalog, 10, 20)
        file = await finish(catalog, completed, parts)
        assert file is not None
        assert await catalog.forget_uploads(before=DEADLINE, limit=9) == Reclaimed()
        assert await catalog.forget_uploads(before=DEADLINE + 1, limit=9) == Reclaimed(rows=2)
        assert await catalog.upload(MINE, completed.id) is None
        assert await catalog.upload(MINE, cancelled.id) is None
        assert await catalog.upload(MINE, pending.id) == pending
        assert await catalog.parts(MINE, completed.id) == []
        assert await catalog.file(MINE, file.id, now=NOW) == file
        assert await extents_of(catalog, file.id) == [part.extent for part in parts]
        assert await catalog.remove_file(MINE, file.id, now=NOW, due=NOW)
        assert set(blobs_of(parts)) <= await in_garbage(catalog)

    async def test_a_key_is_taken_once_and_free_again_after_a_day(self, catalog: Catalog) -> None:
        first, again, later = (new_upload() for _ in range(3))
        asked = Once(key="k", fingerprint="f", now=NOW)
        assert await catalog.add_upload(first, asked) == first
        assert await catalog.add_upload(again, asked) == first
        with pytest.raises(IdempotencyKeyReused):
            await catalog.add_upload(again, replace(asked, fingerprint="other"))
        assert await catalog.upload(MINE, again.id) is None
        assert await catalog.add_upload(later, replace(asked, now=NOW + KEPT_SECONDS)) == later

    async def test_keys_are_forgotten_in_steps(self, catalog: Catalog) -> None:
        for number in range(3):
            await catalog.add_upload(new_upload(), Once(key=f"k{number}", fingerprint="f", now=NOW + number))
        assert await catalog.forget_idempotency_keys(before=NOW + 1, limit=1) == Reclaimed(rows=1)
        assert await catalog.forget_idempotency_keys(before=NOW + 1, limit=9) == Reclaimed(rows=1)
        assert await catalog.forget_idempotency_keys(before=NOW + 1, limit=9) == Reclaimed()

    async def test_upkeep_goes_in_steps_until_nothing_is_left(self, catalog: Catalog) -> None:
        parts = []
        for _ in range(5):
            parts += (await stored_upload(catalog, 1, 1, 1))[1]
            await stored_file(catalog, 1, 1, 1, expires_at=DEADLINE)
        for step in (
            lambda: catalog.expire_uploads(before=DEADLINE + 1, due=0, limit=4),
            lambda: catalog.expire_files(before=DEADLINE, due=NOW, limit=4),
            lambda: catalog.forget_uploads(before=DEADLINE + 1, limit=4),
        ):
            total = 0
            while (taken := await step()).rows:
                assert taken.rows + taken.blobs <= 4
                total += taken.rows
            assert total == 5
        assert len(await in_garbage(catalog)) == 30

    async def test_a_step_takes_one_upload_that_is_larger_than_the_step(self, catalog: Catalog) -> None:
        await stored_upload(catalog, *[1] * 10)
        await stored_upload(catalog, *[1] * 10)
        assert await catalog.expire_uploads(before=DEADLINE + 1, due=0, limit=3) == Reclaimed(
            rows=1, blobs=10
        )

    async def test_what_is_overdue_is_what_the_steps_take(self, catalog: Catalog) -> None:
        for _ in range(3):
            await stored_upload(catalog, 1)
        cancelled = [(await stored_upload(catalog, 1))[0] for _ in range(2)]
        for upload in cancelled:
            assert await catalog.cancel(MINE, upload.id, judged_at=NOW, due=0)
        await stored_file(catalog, expires_at=DEADLINE)
        moments = {"uploads_before": DEADLINE + 0.5, "forget_before": DEADLINE + 0.5}
        assert await catalog.overdue(**moments, files_before=DEADLINE, due=NOW) == Overdue(
            expired_uploads=3, forgettable_uploads=2, expired_files=1, garbage=2
        )
        moments = {"uploads_before": DEADLINE, "forget_before": DEADLINE}
        assert await catalog.overdue(**moments, files_before=DEADLINE - 0.5, due=-1) == Overdue()

    async def test_garbage_comes_longest_due_first_until_forgotten(self, catalog: Catalog) -> None:
        keys = [ids.new_blob_key() for _ in range(4)]
        for number, key in enumerate(keys):
            assert await catalog.condemn([key], due=NOW + number) == [key]
        assert await catalog.garbage(due=NOW + 2, limit=10) == keys[:3]
        assert await catalog.garbage(due=NOW + 9, limit=2) == keys[:2]
        await catalog.forget_garbage(keys[:2])
        await catalog.forget_garbage(keys[:2])
        await catalog.forget_garbage([])
        assert await catalog.garbage(due=NOW + 9, limit=10) == keys[2:]

    async def test_orphans_are_what_neither_a_fact_nor_the_garbage_knows(self, catalog: Catalog) -> None:
        _, parts = await stored_upload(catalog, 1)
        file = await stored_file(catalog)
        [extent] = await extents_of(catalog, file.id)
        unknown, condemned = ids.new_blob_key(), ids.new_blob_key()
        assert await catalog.condemn([condemned], due=NOW) == [condemned]
        keys = [*blobs_of(parts), unknown, extent.blob, condemned]
        assert await catalog.orphans(keys) == [unknown]
        await catalog.forget_garbage([condemned])
        assert await catalog.orphans(keys) == [unknown, condemned]
        assert await catalog.orphans([]) == []

    async def test_orphans_among_many_are_found_in_the_order_asked(self, catalog: Catalog) -> None:
        _, parts = await stored_upload(catalog, *[1] * 9)
        keys = [ids.new_blob_key() for _ in range(1009)]
        for number, part in enumerate(parts):
            keys[number * 120] = part.extent.blob
        wanted = [key for key in keys if key not in blobs_of(parts)]
        assert await catalog.orphans(keys) == wanted
        assert await catalog.orphans(["short", *keys, "of another length"]) == [
            "short",
            *wanted,
            "of another length",
        ]
        assert sorted(await catalog.condemn(keys, due=NOW)) == sorted(wanted)
        assert await catalog.orphans(keys) == []

    async def test_only_what_nothing_points_at_can_be_condemned(self, catalog: Catalog) -> None:
        upload, parts = await stored_upload(catalog, 1)
        file = await stored_file(catalog)
        [extent] = await extents_of(catalog, file.id)
        late = new_part(upload)
        keys = [*blobs_of(parts), late.extent.blob, extent.blob]
        assert await catalog.condemn(keys, due=NOW + 60) == [late.extent.blob]
        assert await catalog.condemn(keys, due=NOW) == [], "it has been handed over already"
        assert await in_garbage(catalog, due=NOW + 59) == set()
        assert await in_garbage(catalog, due=NOW + 60) == {late.extent.blob}
        assert not await catalog.add_part(MINE, late, **ROOM), "its bytes are about to go"
        assert await assert_counts_true(catalog, upload) == upload
        assert await catalog.condemn([], due=NOW) == []

    async def test_a_lease_is_one_holders_until_it_ends(self, catalog: Catalog) -> None:
        assert await catalog.take_lease("sweep", "a", now=NOW, until=NOW + 60.5)
        assert not await catalog.take_lease("sweep", "b", now=NOW + 60.25, until=NOW + 99)
        assert await catalog.take_lease("another", "b", now=NOW, until=NOW + 60)
        assert await catalog.take_lease("sweep", "a", now=NOW + 60.25, until=NOW + 120), "prolonged"
        assert not await catalog.take_lease("sweep", "b", now=NOW + 119, until=NOW + 999)
        assert await catalog.take_lease("sweep", "b", now=NOW + 120, until=NOW + 180), "its holder is dead"
        assert not await catalog.take_lease("sweep", "a", now=NOW + 121, until=NOW + 999)

    async def test_a_lease_from_before_the_clock_was_set_back_keeps_nobody_waiting(
        self, catalog: Catalog
    ) -> None:
        assert await catalog.take_lease("sweep", "dead", now=NOW, until=NOW + 60)
        earlier = NOW - 86_400
        assert await catalog.take_lease("sweep", "a", now=earlier, until=earlier + 60)
        assert not await catalog.take_lease("sweep", "b", now=earlier + 1, until=earlier + 61)
        assert not await catalog.take_lease("sweep", "b", now=earlier - 50, until=earlier + 10), (
            "a little is borne"
        )
        assert not await catalog.take_lease("sweep", "b", now=earlier, until=earlier), "nothing to give back"

    async def test_a_lease_can_be_given_back(self, catalog: Catalog) -> None:
        assert await catalog.take_lease("sweep", "a", now=NOW, until=NOW + 60)
        assert await catalog.take_lease("sweep", "a", now=NOW + 1, until=NOW + 1)
        assert await catalog.take_lease("sweep", "b", now=NOW + 1, until=NOW + 60)

    async def test_the_newest_ids_are_known(self, catalog: Catalog) -> None:
        assert await catalog.newest() == []
        uploads = [new_upload(id=ids.new_id(ids.UPLOAD, now=NOW + n)) for n in (1, 3, 2)]
        for upload in uploads:
            await catalog.add_upload(upload)
        assert await catalog.newest() == [uploads[1].id]

    async def test_it_answers_a_ping(self, catalog: Catalog) -> None:
        await catalog.ping()
        await catalog.ping()


class CatalogOfKeys:
    """Projects and their API keys."""

    async def test_a_projects_name_is_taken_once(self, catalog: Catalog) -> None:
        first = Project(id="proj_2", name="default", created_at=10)
        second = Project(id="proj_1", name="Default", created_at=20)
        assert await catalog.add_project(first)
        assert not await catalog.add_project(replace(first, id="proj_3"))
        assert await catalog.add_project(second)
        assert await catalog.projects() == [first, second]

    async def test_a_key_opens_its_project_until_revoked(self, catalog: Catalog) -> None:
        mine = Project(id=MINE, name="mine", created_at=1)
        other = Project(id="proj_other", name="other", created_at=2)
        for project in (mine, other):
            assert await catalog.add_project(project)
        first = Key(id="key_2", project=MINE, name="laptop", hint="abcd", created_at=10)
        second = Key(id="key_1", project=other.id, name="laptop", hint="efgh", created_at=20)
        assert await catalog.add_key(first, "a" * 64)
        assert await catalog.add_key(second, "b" * 64)
        assert not await catalog.add_key(replace(second, id="key_3"), "a" * 64)
        assert await catalog.keys() == [first, second]
        assert await catalog.keys(MINE) == [first]
        assert await catalog.keys("proj_unknown") == []
        assert await catalog.key_owner("a" * 64) == mine
        assert await catalog.key_owner("b" * 64) == other
        assert await catalog.key_owner("A" * 64) is None
        assert await catalog.revoke_key("key_2", now=NOW)
        assert not await catalog.revoke_key("key_2", now=NOW + 60)
        assert not await catalog.revoke_key("key_9", now=NOW)
        assert await catalog.key_owner("a" * 64) is None
        assert await catalog.key_owner("b" * 64) == other
        assert await catalog.keys(MINE) == [replace(first, revoked_at=int(NOW))]
        assert not await catalog.add_key(replace(first, id="key_4"), "a" * 64), "revoked is for good"
