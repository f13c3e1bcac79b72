"""Blobs as objects of S3, Google Cloud Storage or Azure: one object per blob, under `<prefix>/<key>`."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Collection
from contextlib import aclosing, suppress
from typing import Literal

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError

from heavylift.blobs.deleting import outcomes
from heavylift.blobs.fetching import LEAST_RANGE, RANGE, Store, begun, fetch
from heavylift.blobs.keys import checked, is_key
from heavylift.blobs.room import Loans, Places, Room
from heavylift.blobs.sending import PIECE, SEGMENT, Belt, Sending
from heavylift.blobs.storeerrors import StoreMissing, store_errors
from heavylift.blobs.unfinished import Unfinished
from heavylift.domain.files import WHOLE, Span
from heavylift.service.ownership import MARK, WrongBlobs
from heavylift.service.ports import BlobMissing, Buffer, NotDeleted, StorageDown, StorageFull
from heavylift.service.waiting import ended

LIST = 1000
"""Objects of one page of a list: what S3 gives at most."""

DELETE = 1000
"""Objects of one deletion: what S3's DeleteObjects takes at most."""

FEW = 4
"""Writes that may send a segment while they receive the next. Beyond these, each holds one segment
alone, 5 MiB; with so many the wire is never idle anyway."""

MEMORY = 256 * 1024 * 1024
"""Bytes that blobs on their way into the store may hold in this process, if nothing else is said."""

HELD = SEGMENT + 4 * PIECE
"""Bytes that each of them holds: a segment, and the pieces between the socket and it."""

BERTH_SECONDS = 30.0
"""How long a blob waits when so many are on their way. Then it is refused, to be sent again later."""

TURNS = 12
"""Blobs that fill and send the second half of a segment at once. More would take memory, and make a slow
store so slow with each that none is through in the time of a request."""

TURN_SECONDS = 10.0
"""How long a blob waits for its turn. Then it goes on without."""

READING = 64 * 1024 * 1024
"""Bytes of ranges that are ready, or under way, for all clients. Beyond it each has 32 KiB of its own."""

LOOK_SECONDS = 5.0
"""Within which a store that has just failed must answer a small read. Longer, and it is away: whoever asked
for a deletion has waited for one request's time already."""

PROBE = "heavylift-probe"
"""The one object that is written to prove that writing works. It stays: on a bucket that keeps versions, to
delete it would leave another one each time."""

PROOF = b"heavylift"

UNCONDITIONAL = re.compile(
    r"\b501\b|NotImplemented|not implemented|not supported|If-None-Match", re.IGNORECASE
)
"""How stores, and their client, say that they know no conditional write."""

UNGUARDED = (
    "the object store ignores or refuses conditional writes (If-None-Match): if two new installations are"
    " started on it at the same moment, nothing keeps the second from taking the first one's place. Start one"
    " alone, once; all else is as safe"
)

LOGGER = logging.getLogger(__name__)


class NoConditions(Exception):
    """The store takes no conditional write."""


class ObjectBlobs:
    """A BlobStore on an object store. `prefix` is a path without a slash at either end, or empty.

    `unfinished`: the store's multipart uploads that a crash left behind, where it lists them.
    `memory`: bytes that blobs on their way into the store may hold; further ones wait.
    """

    def __init__(
        self, store: Store, *, prefix: str = "", unfinished: Unfinished | None = None, memory: int = MEMORY
    ) -> None:
        self._store = store
        self._prefix = f"{prefix}/" if prefix else ""
        self._unfinished = unfinished
        self._torsos: dict[str, set[str]] = {}
        self._left: set[asyncio.Future[None]] = set()
        self._writing = 0
        self._berths = Places(max(1, memory // HELD), patience=BERTH_SECONDS)
        self._turns = Places(TURNS, patience=TURN_SECONDS)
        self._loans = Loans(READING, least=LEAST_RANGE, most=RANGE)
        self._closed = False

    async def write(self, key: str, chunks: AsyncIterable[Buffer]) -> None:
        path = self._path(key)
        room = Room(self._berths.of_one(), self._turns.of_one())

        left = False

        def leave(clearing: asyncio.Future[None]) -> None:
            nonlocal left
            left = True
            self._leave(clearing)
            room.leave(after=clearing)

        sending = Sending(lambda content: self._put(path, content), lambda: self._remove([path]), room, leave)
        self._writing += 1
        try:
            async for chunk in chunks:
                await sending.add(chunk)
            await sending.commit()
        except BaseException as error:
            await sending.abort(error)
            raise
        finally:
            self._writing -= 1
            if not left:
                room.leave()

    async def read(self, key: str, span: Span = WHOLE) -> AsyncGenerator[bytes, None]:
        path = self._path(key)
        self._check_open()
        async with aclosing(fetch(self._store, path, span, loans=self._loans)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def delete(self, keys: Collection[str]) -> None:
        stuck: dict[str, str] = {}
        ordered = list(keys)
        for begin in range(0, len(ordered), DELETE):
            stuck |= await self._delete(ordered[begin : begin + DELETE])
        if stuck:
            raise NotDeleted(stuck)

    async def older_than(self, moment: float) -> AsyncIterator[str]:
        self._check_open()
        with store_errors():
            pages = obstore.list(self._store, self._prefix or None, chunk_size=LIST)
            async for page in pages:
                for one in page:
                    key = self._key(one["path"])
                    if key and one["last_modified"].timestamp() < moment:
                        yield key
        if self._unfinished is not None:
            async for path, upload, begun in self._unfinished.all(self._prefix):
                key = self._key(path)
                if key and begun < moment:
                    self._torsos.setdefault(key, set()).add(upload)  # `delete` aborts it
                    yield key

    async def ping(self) -> None:
        self._check_open()
        path = self._prefix + PROBE
        with store_errors():
            await begun(obstore.put_async(self._store, path, PROOF, use_multipart=False))
            answer = await obstore.get_async(self._store, path)
            if bytes(await answer.bytes_async()) != PROOF:
                raise StorageDown("the object store failed: it gave back other bytes than were written")

    async def mark(self) -> str | None:
        """Whose blobs these are. See `service.ownership`. Raises WrongBlobs where there is no bucket."""
        self._check_open()
        try:
            with store_errors():
                answer = await obstore.get_async(self._store, self._prefix + MARK)
                return bytes(await answer.bytes_async()).decode().strip() or None
        except BlobMissing:
            return None
        except StoreMissing as error:
            raise WrongBlobs(f"{error}.") from error

    async def set_mark(self, text: str, *, replace: bool = False) -> None:
        """Say whose they are. A store without conditional writes is read before, and written all the same."""
        self._check_open()
        if replace:
            await self._write_mark(text, "overwrite")
            return
        try:
            if not await self._write_mark(text, "create") or not await self._write_mark(text, "create"):
                return  # the second must be refused
        except NoConditions:
            if await self.mark() is None:
                await self._write_mark(text, "overwrite")
        LOGGER.warning(UNGUARDED)

    async def _write_mark(self, text: str, mode: Literal["create", "overwrite"]) -> bool:
        """Whether it was not there already. Raises NoConditions, StorageDown and StorageFull."""
        content, path = f"{text}\n".encode(), self._prefix + MARK
        with store_errors():
            try:
                await obstore.put_async(self._store, path, content, mode=mode, use_multipart=False)
            except AlreadyExistsError:
                return False
            except (BaseError, NotImplementedError) as error:
                if mode == "create" and UNCONDITIONAL.search(str(error)):
                    raise NoConditions from error
                raise
        return True

    async def close(self) -> None:
        if self._left:
            await ended(asyncio.ensure_future(asyncio.wait(self._left)))
        self._closed = True
        if self._unfinished is not None:
            await self._unfinished.close()

    def _put(self, path: str, content: list[Buffer] | Belt) -> asyncio.Future[object]:
        self._check_open()
        whole = isinstance(content, list)
        return begun(
            obstore.put_async(
                self._store, path, content, use_multipart=not whole, chunk_size=SEGMENT,
                max_concurrency=2 if self._writing <= FEW else 1,
            )
        )  # fmt: skip

    async def _delete(self, keys: list[str]) -> dict[str, str]:
        """Remove them. Why those are left that it does not let go. Raises StorageDown if it is away."""
        try:
            await self._remove([self._path(key) for key in keys])
            torn = [key for key in keys if key in self._torsos]
            for key in torn:
                await self._abort(key)
        except (StorageDown, StorageFull) as error:
            await self._look()
            if len(keys) == 1:
                return {keys[0]: str(error)}
            return await outcomes(self._delete_one, keys, look=self._look)
        return {}

    async def _look(self) -> None:
        """Whether the store answers at all. By reading: a write would leave a version behind where they are
        kept. Raises StorageDown."""
        self._check_open()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                with suppress(BlobMissing), store_errors():
                    await obstore.get_async(self._store, self._prefix + MARK)
        except TimeoutError as error:
            raise StorageDown(f"the object store failed: no answer in {LOOK_SECONDS:g} seconds") from error

    async def _delete_one(self, key: str) -> None:
        await self._remove([self._path(key)])
        await self._abort(key)

    async def _abort(self, key: str) -> None:
        """End what was found unfinished of that blob."""
        for upload in self._torsos.get(key, ()):
            assert self._unfinished is not None
            await self._unfinished.abort(self._path(key), upload)
        self._torsos.pop(key, None)

    async def _remove(self, paths: list[str]) -> None:
        self._check_open()
        with store_errors():
            try:
                await obstore.delete_async(self._store, paths)
            except FileNotFoundError:  # some stores say so, and may have stopped there
                for path in paths:
                    with suppress(FileNotFoundError):
                        await obstore.delete_async(self._store, path)

    def _leave(self, clearing: asyncio.Future[None]) -> None:
        self._left.add(clearing)
        clearing.add_done_callback(self._left.discard)

    def _path(self, key: str) -> str:
        return self._prefix + checked(key)

    def _key(self, path: str) -> str | None:
        key = path.removeprefix(self._prefix)
        return key if path.startswith(self._prefix) and is_key(key) else None

    def _check_open(self) -> None:
        if self._closed:
            raise StorageDown("the blob store is closed")
