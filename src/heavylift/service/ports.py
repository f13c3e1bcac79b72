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
    Sequence,
)
from dataclasses import dataclass
from typing import Protocol

from heavylift.domain.files import WHOLE, Extent, File, Place, Span
from heavylift.domain.idempotency import Once
from heavylift.domain.uploads import Part, Status, Upload

Buffer = bytes | bytearray | memoryview

Clock = Callable[[], float]
"""Unix time in seconds. Passed in everywhere, so that tests own the time."""


class BlobMissing(Exception):
    """There is no blob of that key. The catalog never points at one, so this is news of damage
    or of a deletion that overtook a reader."""


class StorageFull(Exception):
    """No room for the bytes (or, in a catalog, for the facts). Nothing was kept."""


class StorageDown(Exception):
    """The store did not do its work: an I/O error, a lost connection, a time-out."""


class NotDone(StorageDown):
    """The same, where it is certain that nothing of the work was done, nor will be."""


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
        """Remove these blobs. One that is absent is fine: deleting is repeatable."""
        ...

    def older_than(self, moment: float) -> AsyncIterator[str]:
        """The keys of all blobs that were last written to before `moment` (Unix seconds), half-written
        ones of a crash included, in any order. For the sweeper."""
        ...

    async def ping(self) -> None:
        """Prove that bytes can be stored and read now, or raise StorageFull or StorageDown."""
        ...

    async def close(self) -> None:
        """Let go of threads and connections. Repeatable."""
        ...


Pour = Callable[[Callable[[Sequence[Buffer]], None]], Awaitable[None]]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclaimed:
    """What one step of the upkeep took out of the catalog: rows, and blobs handed to the garbage."""

    rows: int = 0
    blobs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """How many rows wait for the upkeep: Uploads to expire and to forget, Files to forget, garbage."""

    expired_uploads: int = 0
    forgettable_uploads: int = 0
    expired_files: int = 0
    garbage: int = 0


class Catalog(Protocol):
    """Facts. Every method is one transaction: all of it is durable on return, or none of it happened.

    Each method that serves a client takes the project first and sees nothing outside it.
    "Handed to the garbage" means: the blob's key is written to the garbage in the same
    transaction that forgets the last fact pointing at it, with `due` (Unix seconds), the
    moment from which its bytes may be deleted. Lists are ordered by id, newest first
    unless `page.ascending`. Every method raises StorageDown when the database fails it and
    StorageFull when it has no room. After StorageFull, and NotDone, it is certain that nothing
    happened; after any other StorageDown it may have.
    """

    # uploads

    async def add_upload(self, upload: Upload, once: Once | None = None) -> Upload:
        """Store a new Upload, and give it back. If `once` names a request that was done before, store
        nothing and give back the Upload of then. Raises IdempotencyKeyReused if it was another request,
        or if that Upload is no longer known."""
        ...

    async def upload(self, project: str, upload_id: str) -> Upload | None:
        """The Upload, or None if this project has none of that id."""
        ...

    async def uploads(self, project: str, *, status: Status | None, now: float, page: Page) -> list[Upload]:
        """A page of the project's Uploads, of that status as seen at `now` if one is given."""
        ...

    async def add_part(
        self, project: str, part: Part, *, judged_at: float, held_bytes: int, held_parts: int
    ) -> bool:
        """Store a Part and count it in its Upload, if that is pending and not expired at
        `judged_at`, and the Part leaves it holding at most `held_bytes` bytes in `held_parts` Parts.

        False, and nothing stored, otherwise. Also False if the Part's blob is in the garbage.
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
    ) -> bool:
        """Make the File out of those extents of the Upload's Parts, and the Upload completed, if it is
        still pending and not expired at `judged_at`. Its other Parts are handed to the garbage, due at once.

        False, and nothing changed, otherwise. Also False when an extent is no longer there.
        """
        ...

    async def cancel(self, project: str, upload_id: str, *, judged_at: float) -> bool:
        """Make the Upload cancelled if it is still pending and not expired at `judged_at`, and hand its
        Parts to the garbage, due at once. False, and nothing changed, otherwise."""
        ...

    # files

    async def add_file(self, file: File, extents: Sequence[Extent], once: Once | None = None) -> File:
        """Store a File that did not come from an Upload, and give it back. Raises StorageDown, and stores
        nothing, if one of its blobs is in the garbage. `once` as with `add_upload`."""
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

    # upkeep: across projects, in steps of at most `limit` rows, so that no step is long

    async def overdue(
        self, *, uploads_before: float, forget_before: float, files_before: float, due: float
    ) -> Overdue:
        """What the steps below would take at these moments. Reads only."""
        ...

    async def expire_uploads(self, *, before: float, limit: int) -> Reclaimed:
        """Make Uploads expired that are still pending and whose deadline lies before `before`, and
        hand their Parts to the garbage, due at once."""
        ...

    async def expire_files(self, *, before: float, due: float, limit: int) -> Reclaimed:
        """Forget Files whose `expires_at` is at or before `before` and hand their blobs to the garbage."""
        ...

    async def forget_uploads(self, *, before: float, limit: int) -> Reclaimed:
        """Forget Uploads that are no longer pending and whose deadline lies before `before`. Their
        Files stay."""
        ...

    async def forget_idempotency_keys(self, *, before: float, limit: int) -> Reclaimed:
        """Forget keys of requests that came at or before `before`."""
        ...

    async def garbage(self, *, due: float, limit: int) -> list[str]:
        """Keys of blobs whose bytes may be deleted at `due`."""
        ...

    async def forget_garbage(self, keys: Collection[str]) -> None:
        """Forget garbage whose bytes are gone. Repeatable."""
        ...

    async def orphans(self, keys: Collection[str]) -> list[str]:
        """Those of `keys` that neither a Part nor a File points at and that are not in the garbage
        either. Reads only."""
        ...

    async def condemn(self, keys: Collection[str], *, due: float) -> list[str]:
        """Hand those of `keys` to the garbage that neither a Part nor a File points at, and that are not
        there already; which. Against a Part that arrives at the same moment exactly one of the two wins."""
        ...

    async def take_lease(self, name: str, holder: str, *, now: float, until: float) -> bool:
        """Take the lease of that name until the moment `until`, or prolong it if `holder` has it. False
        while it is another's and not over at `now`. One that ends at `now` is given back."""
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
