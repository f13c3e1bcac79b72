"""The catalog in SQL: `service.ports.Catalog`, whose docstrings bind, over any driver."""

from collections.abc import Collection, Sequence

from heavylift.catalog import sql_files, sql_idempotency, sql_keys, sql_moving, sql_upkeep, sql_uploads
from heavylift.catalog.transactions import Driver
from heavylift.domain.files import Extent, File, Place
from heavylift.domain.idempotency import Once
from heavylift.domain.uploads import Part, Status, Upload
from heavylift.service.facts import Fact, Journey, Table
from heavylift.service.ownership import Installation
from heavylift.service.ports import Catalog, Clock, Key, Page, Project, Wanted
from heavylift.service.upkeep import Condemned, Expiring, Overdue, Reclaimed, Search


class SqlCatalog(Catalog):
    """Hands each method's transaction to the driver."""

    def __init__(self, driver: Driver, *, clock: Clock | None = None) -> None:
        """`clock` is what everything is judged by; None for the database's own."""
        self._driver = driver
        self._clock = clock

    @property
    def keeps_time(self) -> bool:
        return self._clock is None

    async def now(self) -> float:
        return await self._driver.read(lambda: sql_upkeep.tell_time(self._given()), brief=True)

    def _given(self) -> float | None:
        return None if self._clock is None else self._clock()

    # uploads

    async def add_upload(self, upload: Upload, once: Once | None = None, *, open_uploads: int = 0) -> Upload:
        return await self._driver.write(
            lambda: sql_uploads.add_upload(upload, once, open_uploads=open_uploads)
        )

    async def upload(self, project: str, upload_id: str) -> Upload | None:
        return await self._driver.read(
            lambda: sql_uploads.find_upload(project, upload_id), brief=True, point=True
        )

    async def uploads(self, project: str, *, status: Status | None, now: float, page: Page) -> list[Upload]:
        return await self._driver.read(
            lambda: sql_uploads.list_uploads(project, status, now, page), dear=True
        )

    async def add_part(
        self,
        project: str,
        part: Part,
        *,
        judged_at: float,
        bytes_until: float,
        held_bytes: int,
        held_parts: int,
        project_bytes: int = 0,
    ) -> bool:
        return await self._driver.write(
            lambda: sql_uploads.add_part(
                project, part, judged_at=judged_at, bytes_until=bytes_until, given=self._given(),
                held_bytes=held_bytes, held_parts=held_parts, project_bytes=project_bytes,
            )
        )  # fmt: skip

    async def parts(self, project: str, upload_id: str, page: Page | None = None) -> list[Part]:
        return await self._driver.read(
            lambda: sql_uploads.list_parts(project, upload_id, page), dear=page is not None
        )

    async def complete(
        self,
        project: str,
        upload_id: str,
        *,
        file: File,
        extents: Sequence[Extent],
        receipt: str,
        judged_at: float,
        due: float,
    ) -> bool:
        return await self._driver.write(
            lambda: sql_uploads.complete(
                project, upload_id, file=file, extents=extents, receipt=receipt, judged_at=judged_at, due=due
            )
        )

    async def cancel(self, project: str, upload_id: str, *, judged_at: float, due: float) -> bool:
        return await self._driver.write(
            lambda: sql_uploads.cancel(project, upload_id, judged_at=judged_at, due=due)
        )

    # files

    async def held(self, project: str) -> int:
        return await self._driver.read(lambda: sql_files.find_held(project))

    async def add_file(
        self,
        file: File,
        extents: Sequence[Extent],
        once: Once | None = None,
        *,
        bytes_until: float,
        project_bytes: int = 0,
    ) -> File:
        return await self._driver.write(
            lambda: sql_files.add_file(
                file, extents, once,
                bytes_until=bytes_until, given=self._given(), project_bytes=project_bytes,
            )
        )  # fmt: skip

    async def file(self, project: str, file_id: str, *, now: float) -> File | None:
        return await self._driver.read(
            lambda: sql_files.find_file(project, file_id, now=now), brief=True, point=True
        )

    async def content(
        self, project: str, file_id: str, *, now: float, wanted: Wanted
    ) -> tuple[File, list[Place]] | None:
        return await self._driver.read(
            lambda: sql_files.find_content(project, file_id, now=now, wanted=wanted), brief=True
        )

    async def files(self, project: str, *, purpose: str | None, now: float, page: Page) -> list[File]:
        return await self._driver.read(lambda: sql_files.list_files(project, purpose, now, page), dear=True)

    async def remove_file(self, project: str, file_id: str, *, now: float, due: float) -> bool:
        return await self._driver.write(lambda: sql_files.remove_file(project, file_id, now=now, due=due))

    # upkeep

    async def overdue(
        self, *, uploads_before: float, forget_before: float, files_before: float, due: float
    ) -> Overdue:
        return await self._driver.read(
            lambda: sql_upkeep.count_overdue(
                uploads_before=uploads_before,
                forget_before=forget_before,
                files_before=files_before,
                due=due,
            )
        )

    async def expire_uploads(self, *, before: float, due: float, limit: int) -> Reclaimed:
        return await self._driver.write(
            lambda: sql_upkeep.expire_uploads(before=before, due=due, limit=limit)
        )

    async def expire_files(self, *, before: float, due: float, limit: int) -> Reclaimed:
        return await self._driver.write(lambda: sql_upkeep.expire_files(before=before, due=due, limit=limit))

    async def forget_uploads(self, *, before: float, limit: int) -> Reclaimed:
        return await self._driver.write(lambda: sql_upkeep.forget_uploads(before=before, limit=limit))

    async def forget_idempotency_keys(self, *, before: float, limit: int) -> Reclaimed:
        return await self._driver.write(lambda: sql_idempotency.forget(before, limit))

    async def garbage(self, *, due: float, limit: int) -> list[str]:
        return await self._driver.read(lambda: sql_upkeep.list_garbage(due=due, limit=limit))

    async def forget_garbage(self, keys: Collection[str]) -> None:
        await self._driver.write(lambda: sql_upkeep.forget_garbage(keys))

    async def postpone_garbage(self, keys: Collection[str], *, due: float) -> None:
        await self._driver.write(lambda: sql_upkeep.postpone_garbage(keys, due=due))

    async def orphans(self, keys: Collection[str]) -> list[str]:
        return await self._driver.read(lambda: sql_upkeep.list_orphans(keys))

    async def condemn(self, keys: Collection[str], *, due: float) -> list[str]:
        return await self._driver.write(lambda: sql_upkeep.condemn(keys, due=due))

    async def make_durable(self) -> None:
        await self._driver.write(sql_upkeep.make_durable)

    async def condemned(self, *, after: str, limit: int) -> list[Condemned]:
        return await self._driver.read(lambda: sql_upkeep.list_condemned(after=after, limit=limit))

    async def expiring(
        self, *, uploads_before: float, files_before: float, after: str, limit: int
    ) -> list[Expiring]:
        return await self._driver.read(
            lambda: sql_upkeep.list_expiring(
                uploads_before=uploads_before, files_before=files_before, after=after, limit=limit
            )
        )

    async def last_search(self) -> Search | None:
        return await self._driver.read(sql_upkeep.find_search)

    async def remember_search(self, search: Search | None) -> None:
        await self._driver.write(lambda: sql_upkeep.remember_search(search))

    async def newest(self) -> list[str]:
        return await self._driver.read(sql_upkeep.find_newest)

    async def take_lease(self, name: str, holder: str, *, now: float, until: float) -> bool:
        return await self._driver.write(lambda: sql_upkeep.take_lease(name, holder, now=now, until=until))

    async def installation(self, fresh: str) -> Installation:
        return await self._driver.write(lambda: sql_upkeep.find_installation(fresh))

    async def remember_mark(self) -> None:
        await self._driver.write(sql_upkeep.mark_installation)

    # projects and keys

    async def add_project(self, project: Project) -> bool:
        return await self._driver.write(lambda: sql_keys.add_project(project))

    async def projects(self) -> list[Project]:
        return await self._driver.read(sql_keys.list_projects)

    async def add_key(self, key: Key, digest: str) -> bool:
        return await self._driver.write(lambda: sql_keys.add_key(key, digest))

    async def keys(self, project: str | None = None) -> list[Key]:
        return await self._driver.read(lambda: sql_keys.list_keys(project))

    async def key_owner(self, digest: str) -> Project | None:
        return await self._driver.read(lambda: sql_keys.find_key_owner(digest), brief=True, point=True)

    async def revoke_key(self, key_id: str, *, now: float) -> bool:
        return await self._driver.write(lambda: sql_keys.revoke_key(key_id, now=now))

    # moving

    async def dump(self, table: Table, *, after: str, limit: int) -> list[Fact]:
        return await self._driver.read(lambda: sql_moving.dump(table, after=after, limit=limit))

    async def load(self, table: Table, facts: Sequence[Fact]) -> None:
        await self._driver.write(lambda: sql_moving.load(table, facts))

    async def unload(self, table: Table, ids: Sequence[str], *, due: float) -> None:
        await self._driver.write(lambda: sql_moving.unload(table, ids, due=due))

    async def journey(self) -> Journey | None:
        return await self._driver.read(sql_moving.find_move)

    async def remember_journey(self, journey: Journey) -> None:
        await self._driver.write(lambda: sql_moving.remember_move(journey))

    async def ping(self) -> None:
        await self._driver.write(sql_upkeep.beat)

    async def close(self) -> None:
        await self._driver.close()
