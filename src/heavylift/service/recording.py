"""Facts second: bytes whose fact is certain not to be stored are not kept, and no more are taken in vain."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from heavylift.service.ports import BlobStore, Catalog, NotDone, StorageDown, StorageFull


class Recording:
    """Watches how the facts of arriving blobs are stored."""

    def __init__(self, catalog: Catalog, blobs: BlobStore) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._failed = False

    async def ready(self) -> None:
        """To be called before a body is taken. If the last fact could not be stored, the catalog first has to
        prove that it takes them again. Raises StorageFull, StorageDown."""
        if self._failed:
            await self._catalog.ping()
            self._failed = False

    @asynccontextmanager
    async def of(self, blob: str) -> AsyncIterator[None]:
        """Around storing the fact that points at a blob. If the answer is not known the bytes stay: either
        a fact points at them or the sweeper finds them."""
        try:
            yield
        except (StorageFull, StorageDown) as error:
            self._failed = True
            if isinstance(error, StorageFull | NotDone):
                await self._discard(blob, error)
            raise
        self._failed = False

    async def _discard(self, blob: str, reason: Exception) -> None:
        try:
            await self._blobs.delete([blob])
        except (StorageFull, StorageDown) as left:
            reason.add_note(f"Its bytes are still there, for the sweeper to find: {left}")
