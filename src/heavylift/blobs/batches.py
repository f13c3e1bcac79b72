"""Chunks of any size on their way to a sink: gathered into large writes, one of them in flight."""

import asyncio

from heavylift.blobs.diskfile import DiskSink
from heavylift.blobs.threads import Threads
from heavylift.service.ports import Buffer, StorageDown, StorageFull
from heavylift.service.waiting import ended, settled

BATCH = 128 * 1024
"""Bytes of one write. Smaller ones pay for the change of thread; with larger ones 64 chunked bodies at
once take the process beyond 200 MB."""


class Spares:
    """Buffers of one batch, kept for the next blob: touching fresh memory costs more than filling it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._buffers: list[memoryview] = []

    def take(self) -> memoryview:
        return self._buffers.pop() if self._buffers else memoryview(bytearray(BATCH))

    def give(self, buffers: list[memoryview]) -> None:
        self._buffers += buffers[: self._most - len(self._buffers)]


class Batches:
    """One blob's way into its sink: `add` chunks, then `commit`; on any failure `abort`.

    While one buffer is written in a thread the other is filled, so a blob in flight takes two
    batches of memory. A chunk of a batch or more is written from where it lies.
    """

    def __init__(self, sink: DiskSink, threads: Threads, spares: Spares) -> None:
        self._sink = sink
        self._threads = threads
        self._spares = spares
        self._buffers = [spares.take()]
        self._used = 0
        self._flight: asyncio.Future[None] | None = None

    async def add(self, chunk: Buffer) -> None:
        """Take the chunk in; it may be used again on return."""
        left = memoryview(chunk).cast("B")
        while left:
            if not self._used and len(left) >= BATCH:
                await self._landed()
                self._flight = self._threads.start(self._sink.write, [left[:BATCH]])
                await self._landed()
                left = left[BATCH:]
            else:
                size = min(len(left), BATCH - self._used)
                self._buffers[0][self._used : self._used + size] = left[:size]
                self._used += size
                left = left[size:]
                if self._used == BATCH:
                    await self._launch()

    async def commit(self) -> None:
        """Write what is left and commit the sink."""
        await self._landed()
        self._flight = self._threads.start(self._sink.commit, [self._buffers[0][: self._used]])
        await self._landed()
        self._release()

    async def abort(self, error: BaseException) -> None:
        """Abort the sink once no write is in flight any more. If that fails too, `error` gets a note."""
        if self._flight is not None:
            await ended(self._flight)
            self._flight.exception()  # seen, and outdone by the error that came first
            self._flight = None
        try:
            await self._threads.tidy(self._sink.abort)
        except asyncio.CancelledError:
            pass  # the sink is aborted, and the caller raises the error that came first
        except (StorageDown, StorageFull) as left:
            error.add_note(f"What was written is still there, for the sweeper to find: {left}")
        self._release()

    async def _launch(self) -> None:
        await self._landed()
        full = self._buffers[0]
        self._flight = self._threads.start(self._sink.write, [full])
        self._used = 0
        if len(self._buffers) == 1:
            self._buffers.append(self._spares.take())
        self._buffers.reverse()

    async def _landed(self) -> None:
        """No write is in flight any more. Raises what the last one raised."""
        if self._flight is not None:
            try:
                await settled(self._flight)
            finally:
                self._flight = None

    def _release(self) -> None:
        self._spares.give(self._buffers)
        self._buffers = []
