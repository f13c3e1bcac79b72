"""Blobs as files of a local folder: each byte written once, under the blob's final name.

The layout is `<root>/<first two hex digits of the key>/<key>`. The folders are made when the
store is opened, so that a blob costs no more than its own file.
"""

import asyncio
import errno
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

from heavylift.blobs.batches import Batches, Spares
from heavylift.blobs.diskfile import CHUNK, DiskBlob, DiskSink, DiskSource, open_blob, storage_errors
from heavylift.blobs.keys import checked, is_key
from heavylift.blobs.room import Loans
from heavylift.blobs.small import SmallBlobs
from heavylift.blobs.threads import Threads
from heavylift.domain.files import WHOLE, Span
from heavylift.domain.ids import new_blob_key
from heavylift.private import make_folder, sync_folder, write_anew, write_once
from heavylift.service.ownership import MARK
from heavylift.service.ports import Buffer, NotDeleted, StorageDown, StorageFull
from heavylift.service.waiting import ended, settled

RESERVE = 64 * 1024 * 1024
"""Bytes that blobs leave free, so that a catalog on the same disk can still forget things."""

THREADS = 16
"""Disk calls at the same time. An SSD gains up to about this queue depth."""

READING = 32 * 1024 * 1024
"""Bytes lent to all who read through the process: a chunk that waits for its reader, and one ahead of it."""

OWN = 32 * 1024
"""Bytes of a chunk of whoever has been lent nothing, as nobody has been before taking two of them."""

PROOF = b"heavylift"

AWAY = frozenset(
    {
        errno.EROFS,
        errno.ESTALE,
        errno.ENOTCONN,
        errno.ETIMEDOUT,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENODEV,
    }
)
"""Not what is wrong with one file: a disk that has become read-only, or that a network no longer reaches."""

FOLDERS = [f"{number:02x}" for number in range(256)]

ENOUGH = 1000
"""Keys that one turn of a thread lists at least before it leaves what follows to the next turn."""


class DiskBlobs:
    """A BlobStore on a local disk. Raises StorageDown or StorageFull if the folder cannot be used.

    `durable`: a write returns after fdatasync of the file and fsync of its folder. `reserve`:
    bytes that are left free on the disk. `threads`: disk calls at the same time.
    """

    def __init__(
        self,
        root: Path,
        *,
        durable: bool = True,
        reserve: int = RESERVE,
        threads: int = THREADS,
        make: bool = True,
    ) -> None:
        self._root = os.path.abspath(root)
        self._durable = durable
        self._reserve = reserve
        self._laid_out = make
        if make:
            prepare(self._root)
        elif not os.path.isdir(self._root):
            raise StorageDown(f"there are no blobs in {root}: it is not a folder")
        self._threads = Threads(threads)
        self._committers = Threads(threads, name="commit")
        self._spares = Spares(2 * threads)
        self._loans = Loans(READING, least=8 * OWN, most=2 * CHUNK)
        self._small = SmallBlobs(self._root, durable=durable, reserve=reserve)

    def open_sink(self, key: str) -> DiskSink:
        """An ability that not every store has: write a blob from a thread of one's own, without copies.
        No call is made to the disk before the sink's first `write` or `commit`."""
        return DiskSink(self._path(key), durable=self._durable, reserve=self._reserve)

    async def end_sink(self, call: Callable[[], None]) -> None:
        """The same ability: a sink's commit or abort, in threads that no read waits for."""
        await self._committers.tidy(call)

    def open_file(self, key: str) -> DiskBlob:
        """An ability that not every store has: a blob as a file, to be sent without a copy."""
        return DiskBlob(key, open_blob(self._path(key)))

    async def write(self, key: str, chunks: AsyncIterable[Buffer]) -> None:
        batches = Batches(self.open_sink(key), self._threads, self._spares)
        try:
            async for chunk in chunks:
                await batches.add(chunk)
            await batches.commit()
        except BaseException as error:
            await batches.abort(error)
            raise

    async def put(self, key: str, pieces: Sequence[Buffer]) -> None:
        """An ability that not every store has: as `write`, a small blob whose bytes are all here."""
        path = self._path(key)
        try:
            await settled(self._small.start(path, pieces))
        except asyncio.CancelledError:
            await self._threads.tidy(lambda: _unlink([path]))  # it is whole, and nobody waits for it
            raise

    async def read(self, key: str, span: Span = WHOLE) -> AsyncGenerator[bytes, None]:
        source, lent = DiskSource(self._path(key), span), 0
        ahead = self._threads.start(source.read, OWN)
        try:
            while chunk := await settled(ahead):
                if source.done:
                    yield chunk
                    return
                ahead = self._threads.start(source.read, lent // 2 or OWN)
                yield chunk
                lent = lent or self._loans.lend(2 * CHUNK)
        finally:
            cancelled = await ended(ahead)
            ahead.exception()  # seen; whoever closes early does not want it
            self._loans.give_back(lent)
            await self._threads.tidy(source.close)
            if cancelled is not None:
                raise cancelled

    async def delete(self, keys: Collection[str]) -> None:
        stuck = await self._threads.run(self._delete, keys)
        if stuck:
            raise NotDeleted(stuck)

    async def older_than(self, moment: float) -> AsyncIterator[str]:
        closed, left = None, deque(FOLDERS)
        while left:
            try:
                found = await self._threads.run(self._older_in_next, left, moment)
            except StorageDown as error:  # the others can be looked into all the same
                closed = error
                continue
            for key in found:
                yield key
        if closed is not None:
            raise closed

    async def ping(self) -> None:
        await self._threads.run(self._try)
        key = new_blob_key()
        await self.put(key, [PROOF])  # small bodies have threads of their own
        await self.delete([key])

    async def mark(self) -> str | None:
        """Whose blobs these are. See `service.ownership`."""
        return await self._threads.run(self._mark)

    async def set_mark(self, text: str, *, replace: bool = False) -> None:
        """Say whose they are."""
        await self._threads.run(self._set_mark, text, replace)

    async def close(self) -> None:
        self._threads.close()
        self._committers.close()
        self._small.close()

    def _path(self, key: str) -> str:
        return f"{self._root}/{checked(key)[:2]}/{key}"

    def _delete(self, keys: Collection[str]) -> dict[str, str]:
        """Remove them. Why those are left that cannot be. Raises StorageDown if the whole disk is away."""
        stuck: dict[str, str] = {}
        for key in keys:
            try:
                _unlink([self._path(key)])
            except (StorageDown, StorageFull) as error:
                if isinstance(error.__cause__, OSError) and error.__cause__.errno in AWAY:
                    raise
                if not stuck:
                    self._mark()  # a disk that gives not even this is away
                stuck[key] = str(error)
        return stuck

    def _older_in_next(self, left: deque[str], moment: float) -> list[str]:
        """What is older in the next folders, which are taken from `left`: several if they hold little.

        Raises StorageDown if the first cannot be listed; a later one is then the first of the next turn.
        """
        found: list[str] = []
        while left and len(found) < ENOUGH:
            folder = left.popleft()
            try:
                found += self._older_in(folder, moment)
            except StorageDown as error:
                if found:
                    left.appendleft(folder)
                    break
                raise StorageDown(f"the folder {folder} of the blobs cannot be listed: {error}") from error
        return found

    def _older_in(self, folder: str, moment: float) -> list[str]:
        path = f"{self._root}/{folder}"
        if not self._laid_out and not os.path.exists(path):
            return []  # nobody has put anything there yet
        with storage_errors(), os.scandir(path) as entries:
            return [
                entry.name
                for entry in entries
                if is_key(entry.name) and entry.name.startswith(folder) and _is_older(entry, moment)
            ]

    def _mark(self) -> str | None:
        with storage_errors(), suppress(FileNotFoundError):
            return Path(self._root, MARK).read_text(encoding="utf-8").strip() or None
        return None

    def _set_mark(self, text: str, replace: bool) -> None:
        fresh = f"{self._root}/{MARK}-{new_blob_key()}"
        with storage_errors():
            (write_anew if replace else write_once)(f"{self._root}/{MARK}", text + "\n", fresh=fresh)

    def _try(self) -> None:
        key = new_blob_key()
        sink = self.open_sink(key)
        source = DiskSource(self._path(key), WHOLE)
        try:
            sink.commit([PROOF])
            if source.read() != PROOF:
                raise StorageDown("the disk failed: it gave back other bytes than were written")
        finally:
            source.close()
            sink.abort()


def _is_older(entry: os.DirEntry[str], moment: float) -> bool:
    try:
        return entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < moment
    except FileNotFoundError:  # deleted since it was listed
        return False


def _unlink(paths: Collection[str]) -> None:
    with storage_errors():
        for path in paths:
            with suppress(FileNotFoundError):
                os.unlink(path)


def prepare(root: str) -> None:
    """Make the folders and make them durable. Raises StorageDown, StorageFull."""
    if os.path.exists(root) and not os.path.isdir(root):
        raise StorageDown(f"the blobs cannot be kept in {root}: it is not a folder")
    with storage_errors():
        make_folder(root)
        if not os.access(root, os.W_OK | os.X_OK):
            raise StorageDown(f"the blobs cannot be kept in {root}: the folder is not writable")
        for folder in FOLDERS:
            with suppress(FileExistsError):
                os.mkdir(f"{root}/{folder}", 0o700)
        sync_folder(root)
