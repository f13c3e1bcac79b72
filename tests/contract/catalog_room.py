"""What every catalog promises of a project's bounds: how many Uploads are open, how much is held."""

import pytest

from heavylift.domain.errors import ProjectFull, TooManyUploads
from heavylift.service.ports import Catalog
from tests.contract.catalog_facts import (
    DEADLINE,
    FOREVER,
    MINE,
    NOW,
    ROOM,
    THEIRS,
    finish,
    new_extent,
    new_file,
    new_part,
    new_upload,
    stored_file,
    stored_upload,
)


class CatalogOfRoom:
    """Bounds of a project, kept in the transaction that takes the room."""

    async def test_so_many_uploads_are_open_at_once_and_no_more(self, catalog: Catalog) -> None:
        for project in (MINE, THEIRS):
            for _ in range(3):
                await catalog.add_upload(new_upload(project), open_uploads=3)
            refused = new_upload(project)
            with pytest.raises(TooManyUploads, match="3 Uploads"):
                await catalog.add_upload(refused, open_uploads=3)
            assert await catalog.upload(project, refused.id) is None
        await catalog.add_upload(new_upload(), open_uploads=0)

    async def test_what_is_closed_or_past_its_deadline_is_not_open(self, catalog: Catalog) -> None:
        cancelled, _ = await stored_upload(catalog)
        completed, parts = await stored_upload(catalog, 5)
        with pytest.raises(TooManyUploads):
            await catalog.add_upload(new_upload(), open_uploads=2)
        assert await catalog.cancel(MINE, cancelled.id, judged_at=NOW, due=NOW)
        await catalog.add_upload(new_upload(), open_uploads=2)
        assert await finish(catalog, completed, parts)
        await catalog.add_upload(new_upload(), open_uploads=2)
        with pytest.raises(TooManyUploads):
            await catalog.add_upload(new_upload(created_at=DEADLINE - 1), open_uploads=2)
        later = new_upload(created_at=DEADLINE, expires_at=DEADLINE + 3600)
        await catalog.add_upload(later, open_uploads=2)

    async def test_a_project_holds_its_pending_parts_and_its_files(self, catalog: Catalog) -> None:
        assert await catalog.held(MINE) == 0
        upload, parts = await stored_upload(catalog, 10, 20)
        file = await stored_file(catalog, 5)
        await stored_file(catalog, 1000, project=THEIRS)
        assert await catalog.held(MINE) == 35
        assert await finish(catalog, upload, parts[:1])
        assert await catalog.held(MINE) == 15
        assert await catalog.remove_file(MINE, file.id, now=NOW, due=NOW)
        assert await catalog.held(MINE) == 10

    async def test_a_part_needs_room_in_its_project(self, catalog: Catalog) -> None:
        first, _ = await stored_upload(catalog, 40)
        second, _ = await stored_upload(catalog)
        await stored_file(catalog, 30)
        await stored_file(catalog, 1000, project=THEIRS)
        room = ROOM | {"project_bytes": 100}
        assert not await catalog.add_part(MINE, new_part(second, 31), **room)
        assert await catalog.add_part(MINE, new_part(second, 30), **room)
        assert not await catalog.add_part(MINE, new_part(first, 1), **room)
        assert await catalog.add_part(MINE, new_part(first, 2**33), **ROOM)

    async def test_a_file_needs_room_in_its_project(self, catalog: Catalog) -> None:
        await stored_upload(catalog, 60)
        for size, fits in ((41, False), (40, True), (1, False)):
            extents = [new_extent(size)]
            file = new_file(extents)
            if fits:
                await catalog.add_file(file, extents, bytes_until=FOREVER, project_bytes=100)
                continue
            with pytest.raises(ProjectFull, match="100 bytes"):
                await catalog.add_file(file, extents, bytes_until=FOREVER, project_bytes=100)
            assert await catalog.file(MINE, file.id, now=NOW) is None
