"""A catalog against a model in plain Python: any story, while the clock moves."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from heavylift.catalog import open_catalog
from heavylift.domain.files import Extent, File
from heavylift.domain.uploads import Part, Status, Upload
from heavylift.service.upkeep import Reclaimed
from tests.contract.catalog_facts import (
    ALL,
    FOREVER,
    MINE,
    NOW,
    extents_of,
    new_extent,
    new_file,
    new_part,
    new_upload,
)

HELD_BYTES, HELD_PARTS = 1_000, 8


@dataclass
class Model:
    """What a catalog should hold."""

    uploads: dict[str, Upload] = field(default_factory=dict)
    parts: dict[str, list[Part]] = field(default_factory=dict)
    files: dict[str, tuple[File, list[Extent]]] = field(default_factory=dict)
    garbage: dict[str, float] = field(default_factory=dict)

    def pending(self, upload_id: str, now: float) -> bool:
        upload = self.uploads.get(upload_id)
        return upload is not None and upload.status_at(now) is Status.PENDING

    def close(self, upload_id: str, state: Status, kept: list[Extent], **facts: Any) -> int:
        dropped = [part for part in self.parts[upload_id] if part.extent not in kept]
        self.garbage |= {part.extent.blob: 0.0 for part in dropped}
        self.parts[upload_id] = [part for part in self.parts[upload_id] if part.extent in kept]
        counts = {"held_bytes": sum(extent.bytes for extent in kept), "held_parts": len(kept)}
        self.uploads[upload_id] = replace(self.uploads[upload_id], state=state, **counts, **facts)
        return len(dropped)

    def forget_file(self, file_id: str, due: float) -> int:
        _, extents = self.files.pop(file_id)
        self.garbage |= {extent.blob: due for extent in extents}
        for upload in [upload for upload in self.uploads.values() if upload.file_id == file_id]:
            self.uploads[upload.id] = replace(upload, held_bytes=0, held_parts=0)
            self.parts[upload.id] = []
        return len(extents)


class CatalogMachine(RuleBasedStateMachine):
    """Set `fresh` to what gives the URL of an empty database."""

    fresh: Callable[[], str]
    uploads = Bundle("uploads")
    files = Bundle("files")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.catalog = open_catalog(type(self).fresh())
        self.model = Model()
        self.now = NOW

    def teardown(self) -> None:
        self.loop.run(self.catalog.close())
        self.loop.close()

    @rule(seconds=st.sampled_from([0.25, 1, 30, 59.75]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=uploads, seconds=st.integers(1, 90))
    def create(self, seconds: int) -> str:
        upload = new_upload(expires_at=int(self.now) + seconds)
        self.loop.run(self.catalog.add_upload(upload))
        self.model.uploads[upload.id], self.model.parts[upload.id] = upload, []
        return upload.id

    @rule(upload_id=uploads, size=st.integers(1, 400))
    def add_part(self, upload_id: str, size: int) -> None:
        part = new_part(new_upload(id=upload_id), size)
        room = {"held_bytes": HELD_BYTES, "held_parts": HELD_PARTS}
        stored = self.loop.run(
            self.catalog.add_part(MINE, part, judged_at=self.now, bytes_until=FOREVER, **room)
        )
        upload = self.model.uploads.get(upload_id)
        fits = upload is not None and (
            upload.held_bytes + size <= HELD_BYTES and upload.held_parts < HELD_PARTS
        )
        assert stored == (self.model.pending(upload_id, self.now) and fits)
        if stored:
            counts = {"held_bytes": upload.held_bytes + size, "held_parts": upload.held_parts + 1}
            self.model.uploads[upload_id] = replace(upload, **counts)
            self.model.parts[upload_id].append(part)

    @rule(target=files, upload_id=uploads, choice=st.randoms(), seconds=st.none() | st.integers(1, 90))
    def complete(self, upload_id: str, choice: Any, seconds: int | None) -> str:
        held = [part.extent for part in self.model.parts.get(upload_id, [])]
        extents = choice.sample(held, choice.randint(0, len(held)))
        file = new_file(extents, expires_at=None if seconds is None else int(self.now) + seconds)
        completing = {"file": file, "extents": extents, "receipt": file.id, "judged_at": self.now, "due": 0}
        completed = self.loop.run(self.catalog.complete(MINE, upload_id, **completing))
        assert completed == self.model.pending(upload_id, self.now)
        if completed:
            self.model.close(upload_id, Status.COMPLETED, extents, file_id=file.id, receipt=file.id)
            self.model.files[file.id] = file, extents
        return file.id

    @rule(upload_id=uploads)
    def cancel(self, upload_id: str) -> None:
        cancelled = self.loop.run(self.catalog.cancel(MINE, upload_id, judged_at=self.now, due=0))
        assert cancelled == self.model.pending(upload_id, self.now)
        if cancelled:
            self.model.close(upload_id, Status.CANCELLED, [])

    @rule(
        target=files, sizes=st.lists(st.integers(1, 99), max_size=3), seconds=st.none() | st.integers(1, 90)
    )
    def post(self, sizes: list[int], seconds: int | None) -> str:
        extents = [new_extent(size) for size in sizes]
        file = new_file(extents, expires_at=None if seconds is None else int(self.now) + seconds)
        self.loop.run(self.catalog.add_file(file, extents, bytes_until=FOREVER))
        self.model.files[file.id] = file, extents
        return file.id

    @rule(file_id=consumes(files))
    def remove(self, file_id: str) -> None:
        due = self.now + 60
        removed = self.loop.run(self.catalog.remove_file(MINE, file_id, now=self.now, due=due))
        found = self.model.files.get(file_id)
        assert removed == (found is not None and not found[0].expired_at(self.now))
        if removed:
            self.model.forget_file(file_id, due)

    @rule()
    def sweep(self) -> None:
        overdue = [
            upload.id
            for upload in self.model.uploads.values()
            if upload.state is Status.PENDING and upload.expires_at < self.now
        ]
        blobs = sum(self.model.close(upload_id, Status.EXPIRED, []) for upload_id in overdue)
        taken = self.loop.run(self.catalog.expire_uploads(before=self.now, due=0, limit=10**6))
        assert taken == Reclaimed(rows=len(overdue), blobs=blobs)

        over = [file.id for file, _ in self.model.files.values() if file.expired_at(self.now)]
        blobs = sum(self.model.forget_file(file_id, self.now) for file_id in over)
        taken = self.loop.run(self.catalog.expire_files(before=self.now, due=self.now, limit=10**6))
        assert taken == Reclaimed(rows=len(over), blobs=blobs)

    @rule()
    def forget(self) -> None:
        before = self.now - 60
        old = [
            upload.id
            for upload in self.model.uploads.values()
            if upload.state is not Status.PENDING and upload.expires_at < before
        ]
        taken = self.loop.run(self.catalog.forget_uploads(before=before, limit=10**6))
        assert taken == Reclaimed(rows=len(old))
        for upload_id in old:
            del self.model.uploads[upload_id], self.model.parts[upload_id]

    @rule()
    def empty_garbage(self) -> None:
        keys = self.loop.run(self.catalog.garbage(due=self.now, limit=10**6))
        due = {key for key, moment in self.model.garbage.items() if moment <= self.now}
        assert set(keys) == due
        self.loop.run(self.catalog.forget_garbage(keys))
        self.model.garbage = {key: m for key, m in self.model.garbage.items() if key not in due}

    @invariant()
    def the_catalog_holds_what_the_model_holds(self) -> None:
        self.loop.run(self.compare())

    async def compare(self) -> None:
        model, catalog, now = self.model, self.catalog, self.now
        uploads = await catalog.uploads(MINE, status=None, now=now, page=ALL)
        assert uploads == sorted(model.uploads.values(), key=lambda upload: upload.id, reverse=True)
        for status in Status:
            listed = await catalog.uploads(MINE, status=status, now=now, page=ALL)
            assert listed == [upload for upload in uploads if upload.status_at(now) is status]
        for upload in uploads:
            assert await catalog.parts(MINE, upload.id) == model.parts[upload.id][::-1]
        files = await catalog.files(MINE, purpose=None, now=now, page=ALL)
        assert {file.id: file for file in files} == {
            file.id: file for file, _ in model.files.values() if not file.expired_at(now)
        }
        for file_id, (_, extents) in model.files.items():
            assert await extents_of(catalog, file_id) == extents
        assert set(await catalog.garbage(due=FOREVER, limit=10**6)) == set(model.garbage)
