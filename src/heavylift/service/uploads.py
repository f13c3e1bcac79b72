"""The story of an Upload: create, add Parts, complete or cancel."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from heavylift.domain import files as file_rules
from heavylift.domain import ids, purposes
from heavylift.domain import uploads as rules
from heavylift.domain.errors import (
    Md5Mismatch,
    NoSuchUpload,
    ProjectFull,
    StorageUnavailable,
    UploadCompleted,
)
from heavylift.domain.files import Extent, File
from heavylift.domain.idempotency import once
from heavylift.domain.limits import Limits
from heavylift.domain.purposes import Checks, Purpose
from heavylift.domain.uploads import Action, Part, Status, Upload
from heavylift.service.abilities import TakesWhole
from heavylift.service.admission import Admission
from heavylift.service.digesting import Digesting
from heavylift.service.intake import store_blob
from heavylift.service.meter import Expected, Meter
from heavylift.service.ports import BlobMissing, BlobStore, Catalog, Clock, Incoming, Page
from heavylift.service.recording import Recording
from heavylift.service.small import store_small
from heavylift.service.timekeeping import Numbering


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An Upload as it stands at one moment, with its File if it has one."""

    upload: Upload
    status: Status
    file: File | None = None


class Uploads:
    """One method for each verb. `wake` tells the sweeper that there is something to reclaim. `ticks` is a
    clock that nobody sets.

    In seconds: `delete_grace` is how long bytes stay that no fact points at any more, `orphan_grace`
    how long those may take to get a fact.
    """

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        *,
        clock: Clock,
        numbering: Numbering,
        limits: Limits,
        purposes: Mapping[str, Purpose],
        checks: Checks,
        delete_grace: float,
        orphan_grace: float,
        wake: Callable[[], None],
        ticks: Clock = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._clock = clock
        self._new_id = numbering
        self._limits = limits
        self._purposes = purposes
        self._checks = checks
        self._delete_grace = delete_grace
        self._orphan_grace = orphan_grace
        self._wake = wake
        self._admission = Admission(limits, ticks=ticks)
        self._digesting = Digesting(blobs)
        self._recording = Recording(catalog, blobs)
        self._small_blobs = blobs if isinstance(blobs, TakesWhole) else None

    async def create(
        self,
        project: str,
        *,
        filename: str,
        purpose: str,
        bytes: int,
        mime_type: str,
        lifetime: int | None,
        key: str | None = None,
    ) -> Snapshot:
        """Open an Upload. `bytes` is the size of the file to come, `lifetime` that file's in seconds.
        With an idempotency `key`, the same request again gives the Upload that the first one opened."""
        now = self._clock()
        row = purposes.find_purpose(purpose, self._purposes)
        filename = file_rules.clean_filename(filename, self._limits)
        purposes.check_name(row, filename, self._checks)
        purposes.check_mime_type(row, filename, mime_type, self._checks)
        if lifetime is not None:
            file_rules.check_lifetime(lifetime, self._limits)
        upload = rules.open_upload(
            id=self._new_id(ids.UPLOAD),
            project=project,
            filename=filename,
            purpose=purpose,
            mime_type=mime_type,
            bytes=bytes,
            file_lifetime=file_rules.lifetime(lifetime, row),
            now=now,
            limits=self._limits,
        )
        asked = once(key, "upload", filename, purpose, bytes, mime_type, lifetime, now=now)
        made = await self._catalog.add_upload(upload, asked, open_uploads=self._limits.open_uploads)
        if made.id != upload.id:
            return await self._snapshot(made)
        return Snapshot(upload=upload, status=upload.state)

    async def retrieve(self, project: str, upload_id: str) -> Snapshot:
        """The Upload as it stands now."""
        return await self._snapshot(await self._find(project, upload_id))

    async def list(self, project: str, *, status: Status | None, page: Page) -> Sequence[Snapshot]:
        """A page of Uploads. Their Files are not looked up."""
        now = self._clock()
        found = await self._catalog.uploads(project, status=status, now=now, page=page)
        return [Snapshot(upload=upload, status=upload.status_at(now)) for upload in found]

    async def parts(self, project: str, upload_id: str, *, page: Page) -> Sequence[Part]:
        """A page of the Upload's Parts."""
        await self._find(project, upload_id)
        return await self._catalog.parts(project, upload_id, page)

    async def add_part(
        self,
        project: str,
        upload_id: str,
        incoming: Incoming,
        *,
        at_least: int = 0,
        meter: Meter | None = None,
    ) -> Part:
        """Store the next Part. `at_least` is what is known of its size in bytes before it arrives.

        Bytes first, facts second.
        """
        await self._recording.ready()
        judged_at = self._clock()
        await self._admit(project, upload_id, at_least, judged_at)
        meter = meter or self.meter()
        blob = ids.new_blob_key()
        if incoming.gather is not None and self._small_blobs is not None:
            await store_small(self._small_blobs, blob, incoming.gather, meter)
        else:
            await store_blob(self._blobs, blob, incoming, meter)
        now = self._clock()
        part = Part(
            id=self._new_id(ids.PART),
            upload_id=upload_id,
            created_at=int(now),
            extent=Extent(blob=blob, bytes=meter.bytes, checksum=meter.checksum),
        )
        async with self._recording.of(blob):
            stored = await self._catalog.add_part(
                project,
                part,
                judged_at=judged_at,
                bytes_until=judged_at + self._orphan_grace,
                held_bytes=self._limits.held_bytes,
                held_parts=self._limits.parts,
                project_bytes=self._limits.project_bytes,
            )
        if not stored:
            self._admission.forget(upload_id)
            await self._blobs.delete([blob])
            rules.admit_part(await self._find(project, upload_id), meter.bytes, judged_at, self._limits)
            await self._check_room(project, meter.bytes)
            raise StorageUnavailable("The Part took so long that its bytes were reclaimed. Send it again.")
        return part

    async def _admit(self, project: str, upload_id: str, at_least: int, now: float) -> None:
        """Refuse a Part before its bytes are read, if it is known to be refused."""
        if self._admission.admits(project, upload_id, at_least, now):
            return
        upload = await self._find(project, upload_id)
        rules.admit_part(upload, at_least, now, self._limits)
        await self._check_room(project, at_least)
        self._admission.remember(upload)

    async def _check_room(self, project: str, size: int) -> None:
        """Refuse what the project as a whole has no room for. The catalog decides when the Part is added."""
        most = self._limits.project_bytes
        if most and await self._catalog.held(project) + size > most:
            raise ProjectFull(most, size)

    def meter(self, expected: Sequence[Expected] = ()) -> Meter:
        """What watches a Part go by: its size, its checksum, the digests it was promised to have."""
        return Meter(
            admit=lambda size: rules.check_part_size(size, self._limits),
            settle=rules.check_part_filled,
            expected=expected,
        )

    async def complete(
        self, project: str, upload_id: str, *, part_ids: Sequence[str], md5: str | None
    ) -> Snapshot:
        """Make the File out of the listed Parts, in that order. The same call again gives the same answer."""
        judged_at = self._clock()
        upload = await self._find(project, upload_id)
        receipt = rules.receipt_for(part_ids, md5)
        if upload.state is Status.COMPLETED:
            return await self._completed_before(upload, receipt)
        rules.move(upload, Action.COMPLETE, judged_at)
        extents = rules.list_parts(upload, await self._catalog.parts(project, upload_id), part_ids)
        if md5 is not None:
            await self._check_md5(upload, extents, md5, judged_at)
        file = rules.finished_file(upload, extents, self._clock(), id=self._new_id(ids.FILE))
        won = await self._catalog.complete(
            project, upload_id, file=file, extents=extents, receipt=receipt, judged_at=judged_at,
            due=self._due(),
        )  # fmt: skip
        self._admission.forget(upload_id)
        self._wake()
        upload = await self._find(project, upload_id)
        if won:
            return Snapshot(upload=upload, status=Status.COMPLETED, file=file)
        if upload.state is Status.COMPLETED:
            return await self._completed_before(upload, receipt)
        rules.move(upload, Action.COMPLETE, judged_at)
        raise StorageUnavailable("The Upload changed while it was being completed. Try again.")

    async def cancel(self, project: str, upload_id: str) -> Snapshot:
        """End the Upload and let go of its Parts. Cancelling twice is fine."""
        judged_at = self._clock()
        upload = await self._find(project, upload_id)
        if rules.move(upload, Action.CANCEL, judged_at) is not upload.state:
            await self._catalog.cancel(project, upload_id, judged_at=judged_at, due=self._due())
            self._admission.forget(upload_id)
            self._wake()
            upload = await self._find(project, upload_id)
            rules.move(upload, Action.CANCEL, judged_at)
        return Snapshot(upload=upload, status=upload.state)

    def _due(self) -> float:
        """From when on the bytes of dropped Parts may go. Nobody reads them, but a commit that was not
        flushed, or has not reached the standby, may yet be undone: then they are Parts again."""
        return self._clock() + self._delete_grace

    async def _find(self, project: str, upload_id: str) -> Upload:
        upload = None
        if ids.is_id(ids.UPLOAD, upload_id):
            upload = await self._catalog.upload(project, upload_id)
        if upload is None:
            raise NoSuchUpload(upload_id)
        return upload

    async def _snapshot(self, upload: Upload) -> Snapshot:
        now = self._clock()
        file = None
        if upload.file_id is not None:
            file = await self._catalog.file(upload.project, upload.file_id, now=now)
        return Snapshot(upload=upload, status=upload.status_at(now), file=file)

    async def _completed_before(self, upload: Upload, receipt: str) -> Snapshot:
        """The answer to `complete` on a completed Upload: the same as then, for the same arguments, as long
        as there is its File."""
        if upload.receipt != receipt:
            raise UploadCompleted(
                f"Upload {upload.id} is completed already, with other part_ids or another md5, as"
                f" File {upload.file_id}. For other Parts, create a new Upload.",
                param="upload_id",
            )
        snapshot = await self._snapshot(upload)
        if snapshot.file is None:
            raise UploadCompleted(
                f"Upload {upload.id} was completed as File {upload.file_id}, which has been deleted or has"
                " expired since. To store its bytes again, create a new Upload.",
                param="upload_id",
            )
        return snapshot

    async def _check_md5(self, upload: Upload, extents: Sequence[Extent], md5: str, judged_at: float) -> None:
        """Have the file read once and compare. Raises Md5Mismatch, Overloaded."""
        try:
            found = await self._digesting.md5(upload, extents)
        except BlobMissing:
            # Someone cancelled or completed it meanwhile, and the sweeper was quick.
            rules.move(await self._find(upload.project, upload.id), Action.COMPLETE, judged_at)
            raise
        if found != md5.lower():
            raise Md5Mismatch(
                f"The file of {upload.bytes} bytes has the MD5 {found}, not {md5}."
                " The Upload stays pending: check the order of part_ids, or send what is wrong again.",
                param="md5",
            )
