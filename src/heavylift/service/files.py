"""The story of a File: post it, find it, read it, delete it."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Generator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass

from heavylift.domain import files as rules
from heavylift.domain import ids, purposes
from heavylift.domain.errors import (
    FileTooLarge,
    IdempotencyKeyReused,
    InvalidRequest,
    NoSuchFile,
    ProjectFull,
    UnfitFile,
)
from heavylift.domain.files import WHOLE, Extent, File, Place, Span
from heavylift.domain.idempotency import Once, once
from heavylift.domain.limits import Limits
from heavylift.domain.purposes import Checks, Purpose
from heavylift.service.abilities import OpenBlob, OpensFiles
from heavylift.service.content import is_checked, open_places, read_places
from heavylift.service.meter import Meter, metered
from heavylift.service.ports import BlobStore, Buffer, Catalog, Clock, Page, Wanted
from heavylift.service.recording import Recording
from heavylift.service.timekeeping import Numbering


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a client says of the file it posts. `lifetime` in seconds, None for the purpose's own."""

    filename: str
    purpose: str
    lifetime: int | None


class Files:
    """One method for each verb.

    In seconds: `delete_grace` is how long a deleted file's bytes stay for downloads under way,
    `orphan_grace` how long bytes may take to get a fact;
    `closed_purposes` may not be downloaded; `wake` tells the sweeper.
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
        closed_purposes: Collection[str],
        wake: Callable[[], None],
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._opener = blobs if isinstance(blobs, OpensFiles) else None
        self._clock = clock
        self._new_id = numbering
        self._limits = limits
        self._purposes = purposes
        self._checks = checks
        self._delete_grace = delete_grace
        self._orphan_grace = orphan_grace
        self._closed_purposes = closed_purposes
        self._wake = wake
        self._recording = Recording(catalog, blobs)

    async def create(
        self,
        project: str,
        chunks: AsyncIterable[Buffer],
        describe: Callable[[], Description],
        *,
        at_least: int = 0,
        key: str | None = None,
    ) -> File:
        """Store a posted file. With an idempotency `key`, the same file again gives the File of the first.

        `describe` is asked when the bytes have passed, for a form may name the purpose behind
        the file; what it or its answer is refused for is refused before the blob exists.
        """
        await self._recording.ready()
        self._admit(at_least)
        bytes_until = self._clock() + self._orphan_grace
        meter = Meter(admit=self._admit, settle=self._check_filled)
        blob = ids.new_blob_key()
        described: list[tuple[Description, Purpose]] = []

        async def judged() -> AsyncIterator[Buffer]:
            async for chunk in metered(chunks, meter):
                yield chunk
            described.append(self._judge(describe(), meter.bytes))

        await self._blobs.write(blob, judged())
        (description, purpose), now = described[0], self._clock()
        lifetime = rules.lifetime(description.lifetime, purpose)
        file = File(
            id=self._new_id(ids.FILE),
            project=project,
            filename=description.filename,
            purpose=description.purpose,
            bytes=meter.bytes,
            checksum=meter.checksum,
            created_at=int(now),
            expires_at=None if lifetime is None else int(now) + lifetime,
        )
        extent = Extent(blob=blob, bytes=meter.bytes, checksum=meter.checksum)
        asked = once(
            key,
            "file",
            file.filename,
            file.purpose,
            description.lifetime,
            meter.bytes,
            str(meter.checksum),
            now=now,
        )
        return await self._add(file, extent, asked, bytes_until)

    async def _add(self, file: File, extent: Extent, asked: Once | None, bytes_until: float) -> File:
        """Store the facts. The bytes of what was refused, or done before, go."""
        try:
            async with self._recording.of(extent.blob):
                made = await self._catalog.add_file(
                    file,
                    [extent],
                    asked,
                    bytes_until=bytes_until,
                    project_bytes=self._limits.project_bytes,
                )
        except (IdempotencyKeyReused, ProjectFull):
            await self._blobs.delete([extent.blob])
            raise
        if made.id != file.id:
            await self._blobs.delete([extent.blob])
        return made

    async def retrieve(self, project: str, file_id: str) -> File:
        """The File, if it exists and has not expired."""
        file = None
        if ids.is_id(ids.FILE, file_id):
            file = await self._catalog.file(project, file_id, now=self._clock())
        if file is None:
            raise NoSuchFile(file_id)
        return file

    async def list(self, project: str, *, purpose: str | None, page: Page) -> Sequence[File]:
        """A page of the Files there are now."""
        return await self._catalog.files(project, purpose=purpose, now=self._clock(), page=page)

    async def delete(self, project: str, file_id: str) -> None:
        """Forget the File. Its bytes follow once no download can need them."""
        now = self._clock()
        gone = ids.is_id(ids.FILE, file_id) and await self._catalog.remove_file(
            project, file_id, now=now, due=now + self._delete_grace
        )
        if not gone:
            raise NoSuchFile(file_id)
        self._wake()

    async def content(
        self, project: str, file_id: str, wanted: Wanted = lambda _: WHOLE
    ) -> tuple[File, Sequence[Place]]:
        """The File, if it may be downloaded, and where those of its bytes lie that are `wanted`.

        Read them with `read`, or send them with `open`. What `wanted` raises passes through.
        """

        def judged(file: File) -> Span | None:
            if file.purpose in self._closed_purposes:
                raise InvalidRequest(
                    f"Not allowed to download files of purpose: {file.purpose}. An operator can allow it with"
                    " HEAVYLIFT_DOWNLOADS=all."
                )
            return wanted(file)

        found = None
        if ids.is_id(ids.FILE, file_id):
            found = await self._catalog.content(project, file_id, now=self._clock(), wanted=judged)
        if found is None:
            raise NoSuchFile(file_id)
        return found

    def read(self, places: Sequence[Place]) -> AsyncGenerator[bytes]:
        """The bytes there. Raises BlobMissing or StorageDown when they are not all there."""
        return read_places(self._blobs, places)

    def verified(self, places: Sequence[Place]) -> str:
        """Whether `read` compares all, some or none of them with the checksums of what was stored."""
        checked = {is_checked(place) for place in places}
        return "none" if checked == {False} else "some" if False in checked else "all"

    def open(self, places: Sequence[Place]) -> Generator[tuple[OpenBlob, Span]] | None:
        """The same as open files, if the store has such: to be taken from, and closed, in a thread."""
        return open_places(self._opener, places) if self._opener is not None else None

    def _admit(self, size: int) -> None:
        if size > self._limits.file_bytes:
            raise FileTooLarge(
                f"A posted file holds at most {self._limits.file_bytes} bytes. Send larger ones in"
                " Parts, through POST /v1/uploads.",
                param="file",
            )

    def _check_filled(self, size: int) -> None:
        if size == 0 and not self._limits.empty_files:
            raise UnfitFile("File is empty. Send at least 1 byte of it.", param="file")

    def _judge(self, description: Description, size: int) -> tuple[Description, Purpose]:
        """The description with its file name cleaned, and its purpose. Raises what is wrong with them."""
        purpose = purposes.find_purpose(description.purpose, self._purposes)
        filename = rules.clean_filename(description.filename, self._limits, param="file")
        purposes.check_name(purpose, filename, self._checks)
        if description.lifetime is not None:
            rules.check_lifetime(description.lifetime, self._limits)
        if purpose.post_bytes is not None and size > purpose.post_bytes:
            raise UnfitFile(
                f"File is too large. It has {size} bytes; for the purpose '{purpose.name}' one POST /v1/files"
                f" takes at most {purpose.post_bytes}. Send it in Parts, through POST /v1/uploads.",
                param="file",
            )
        return (
            Description(filename=filename, purpose=purpose.name, lifetime=description.lifetime),
            purpose,
        )
