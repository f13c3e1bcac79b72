"""What the stories need of the world: bytes, facts, the time. Contracts, not code.

A driver keeps exactly what its port's docstrings promise, and `tests/contract` holds
every driver to it. Counting, checksums, limits and retries sit above the drivers.
"""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from heavylift.domain.files import WHOLE, Extent, File, Place, Span
from heavylift.domain.idempotency import Once
from heavylift.domain.uploads import Part, Status, Upload
from heavylift.service.upkeep import Upkeep

Buffer = bytes | bytearray | memoryview

Clock = Callable[[], float]
"""Unix time in seconds. Passed in everywhere, so that tests own the time."""


class BlobMissing(Exception):
    """There is no blob of that key. The catalog never points at one, so this is news of damage
    or of a deletion that overtook a reader."""

    blob: str | None = None
    """Its key, where a File was being read."""


class StorageFull(Exception):
    """No room for the bytes (or, in a catalog, for the facts). Nothing was kept."""


NAMED = 20
"""Blobs that are named where there are many."""


class StorageDown(Exception):
    """The store did not do its work: an I/O error, a lost connection, a timeout."""

    blob: str | None = None
    """The key of the blob that was being read for a File."""


class NotDone(StorageDown):
    """The same, where it is certain that nothing of the work was done, nor will be."""


class NotDeleted(StorageDown):
    """Some blobs could not be deleted, all others were. `reasons` says why, by key.

    `count` of them; `reasons` may name but some where this sums up several deletions.
    """

    def __init__(self, reasons: Mapping[str, str], *, count: int | None = None) -> None:
        self.reasons = reasons
        self.count = len(reasons) if count is None else count
        key, reason = next(iter(reasons.items()))
        super().__init__(f"{self.count} blobs could not be deleted, {key} among them: {reason}")

    def after(self, before: "NotDeleted | None") -> "NotDeleted":
        """Both in one, with some by name."""
        if before is None:
            return self
        named = islice({**before.reasons, **self.reasons}.items(), NAMED)
        return NotDeleted(dict(named), count=before.count + self.count)


class BlobStore(Protocol):
    """Write-once bytes by key. Whole or absent: nobody ever sees half a blob.

    Keys are 32 lower-case hex digits, made by `domain.ids.new_blob_key`, never used twice.
    Every method raises StorageDown when the store fails it.
    """

    async def write(self, key: str, chunks: AsyncIterable[Buffer]) -> None:
        """Store all that `chunks` gives, in order, and return once it is durable.

        The store pulls: it asks for the next chunk when it has room for it. A chunk may be
        of any size, zero included, and must not be kept beyond the next pull unless copied
        or written. Whatever `chunks` raises, cancellation too, passes through unchanged
        after every trace of the blob is gone. Raises StorageFull when there is no room.
        """
        ...

    def read(self, key: str, span: Span = WHOLE) -> AsyncGenerator[bytes]:
        """The blob's bytes in that span, in chunks of a size that suits the driver.

        A span beyond the end gives what there is. Raises BlobMissing before the first byte.
        Closing the generator early frees everything it held.
        """
        ...

    async def delete(self, keys: Collection[str]) -> None:
        """Remove these blobs. One that is absent is fine: deleting is repeatable.

        Raises NotDeleted once all are gone that can be deleted, and StorageDown where none can, nor any
        other, as the store itself is away: then it is unknown which are gone.
        """
        ...

    def older_than(self, moment: float) -> AsyncIterator[str]:
        """The keys of all blobs that were last written to before `moment` (Unix seconds), half-written
        ones of a crash included, in any order. For the sweeper. What cannot be looked into is raised as
        StorageDown at the end, behind all that was found elsewhere."""
        ...

    async def ping(self) -> None:
        """Prove that bytes can be stored and read now, or raise StorageFull or StorageDown."""
        ...

    async def close(self) -> None:
        """Let go of threads and connections. Repeatable."""
        ...


Take = Callable[[Sequence[Buffer]], None]
"""Takes pieces of a body, in order."""

Pour = Callable[[Take], Awaitable[None]]
"""Gives a whole body to a function, piece by piece, in the thread that suits it. When it returns or
raises, no thread is in that function any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A body that has not been read yet: to be pulled, or poured where the server can.

    `gather` is there for a small one: it pours in the event loop, and what it gave stays as it is.
    """

    chunks: AsyncIterable[Buffer]
    pour: Pour | None = None
    gather: Pour | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A stretch of a list: `limit` entries at most, beginning behind the id `after`."""

    limit: int
    after: str | None = None
    ascending: bool = False


Wanted = Callable[[File], Span | None]
"""Which of a File's bytes somebody wants, None for none. Asked in any thread, and again if need be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A tenant. Nothing of one is ever visible to another. `created_at` in Unix seconds."""

    id: str
    name: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key as it may be shown: `hint` is its last four characters. Times in Unix seconds."""

    id: str
    project: str
    name: str
    hint: str
    created_at: int
    revoked_at: int | None = None


class Catalog(Upkeep, Protocol):
    """Facts. Every method is one transaction: all of it is durable on return, or none of it happened.

    Each method that serves a client takes the project first and sees nothing outside it.
    "Handed to the garbage" means: the blob's key is written to the garbage in the same
    transaction that forgets the last fact pointing at it, with `due` (Unix seconds), the
    moment from which its bytes may be deleted. Lists are ordered by id, newest first
    unless `page.ascending`. Every method raises StorageDown when the database fails it and
    StorageFull when it has no room. After StorageFull, and NotDone, it is certain that nothing
    happened; after any other StorageDown it may have.
    """

    @property
    def keeps_time(self) -> bool:
        """Whether those who share it, on many machines, have but its clock in common."""
        ...

    async def now(self) -> float:
        """The time by the clock that all of this is judged by, Unix seconds."""
        ...

    # uploads

    async def add_upload(self, upload: Upload, once: Once | None = None, *, open_uploads: int = 0) -> Upload:
        """Store a new Upload, and give it back. If `once` names a request that was done before, store
        nothing and give back the Upload of then. Raises IdempotencyKeyReused if it was another request,
        or if that Upload is no longer known, and TooManyUploads, with nothing stored, if
        `open_uploads` (0: any number) of the project are pending and not expired when this one is created."""
        ...

    async def upload(self, project: str, upload_id: str) -> Upload | None:
        """The Upload, or None if this project has none of that id."""
        ...

    async def uploads(self, project: str, *, status: Status | None, now: float, page: Page) -> list[Upload]:
        """A page of the project's Uploads, of that status as seen at `now` if one is given."""
        ...

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
        """Store a Part and count it in its Upload, if that is pending and not expired at
        `judged_at`, and the Part leaves it holding at most `held_bytes` bytes in `held_parts` Parts.

        False, and nothing stored, otherwise. Also False if the Part's blob is in the garbage, or it is
        `bytes_until` by the catalog's clock, from when on a search may have taken it for an orphan, or if the
        project would hold more than `project_bytes` (0: any amount). What arrives at the same moment may
        exceed that.
        """
        ...

    async def parts(self, project: str, upload_id: str, page: Page | None = None) -> list[Part]:
        """The Upload's Parts, all or a page of them. A completed Upload still has those that its
        File consists of, as long as that File exists."""
        ...

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
        """Make the File out of those extents of the Upload's Parts, and the Upload completed, if it is
        still pending and not expired at `judged_at`. Its other Parts are handed to the garbage.

        False, and nothing changed, otherwise. Also False when an extent is no longer there.
        """
        ...

    async def cancel(self, project: str, upload_id: str, *, judged_at: float, due: float) -> bool:
        """Make the Upload cancelled if it is still pending and not expired at `judged_at`, and hand its
        Parts to the garbage. False, and nothing changed, otherwise."""
        ...

    # files

    async def held(self, project: str) -> int:
        """Bytes that the project holds, in the Parts of pending Uploads and in Files."""
        ...

    async def add_file(
        self,
        file: File,
        extents: Sequence[Extent],
        once: Once | None = None,
        *,
        bytes_until: float,
        project_bytes: int = 0,
    ) -> File:
        """Store a File that did not come from an Upload, and give it back. Raises StorageDown, and stores
        nothing, if one of its blobs is in the garbage, or it is `bytes_until` by the catalog's clock.
        `once` as with `add_upload`. Raises ProjectFull, and stores nothing, if the project would hold more
        than `project_bytes` (0: any amount)."""
        ...

    async def file(self, project: str, file_id: str, *, now: float) -> File | None:
        """The File, or None if this project has none of that id or it has expired at `now`."""
        ...

    async def content(
        self, project: str, file_id: str, *, now: float, wanted: Wanted
    ) -> tuple[File, list[Place]] | None:
        """The File, and the places of those of its bytes that are `wanted`, in order; None where `file`
        gives None. What `wanted` raises passes through."""
        ...

    async def files(self, project: str, *, purpose: str | None, now: float, page: Page) -> list[File]:
        """A page of the project's Files that have not expired at `now`."""
        ...

    async def remove_file(self, project: str, file_id: str, *, now: float, due: float) -> bool:
        """Forget the File and hand its blobs to the garbage. False for an unknown or expired one."""
        ...

    # projects and keys

    async def add_project(self, project: Project) -> bool:
        """Store a project. False if the name is taken."""
        ...

    async def projects(self) -> list[Project]:
        """All projects, oldest first."""
        ...

    async def add_key(self, key: Key, digest: str) -> bool:
        """Store a key by the hex SHA-256 of its secret. False if that secret is known already."""
        ...

    async def keys(self, project: str | None = None) -> list[Key]:
        """All keys, revoked ones too, of one project or of all, oldest first."""
        ...

    async def key_owner(self, digest: str) -> Project | None:
        """The project that a secret's digest opens; None if unknown or revoked."""
        ...

    async def revoke_key(self, key_id: str, *, now: float) -> bool:
        """Revoke a key for good. False if there is no such key or it was revoked before."""
        ...

    async def ping(self) -> None:
        """Prove that facts can be written and read now, or raise StorageFull or StorageDown."""
        ...

    async def close(self) -> None:
        """Let go of threads, connections and files. Repeatable."""
        ...
