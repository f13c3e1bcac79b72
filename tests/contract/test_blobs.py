"""Every driver of BlobStore against the contract."""

import os
from pathlib import Path

from heavylift.blobs.disk import DiskBlobs
from heavylift.blobs.memory import MemoryBlobs
from tests.contract.blobs import BlobStoreContract


class TestMemory(BlobStoreContract):
    async def open_store(self, tmp_path: Path) -> MemoryBlobs:
        return MemoryBlobs()

    def grow_old(self, blobs: MemoryBlobs, key: str, *, written: float) -> None:
        blobs._blobs[key] = blobs._blobs[key][0], written


class TestDisk(BlobStoreContract):
    async def open_store(self, tmp_path: Path) -> DiskBlobs:
        self.root = tmp_path / "blobs"
        return DiskBlobs(self.root, threads=4)

    def grow_old(self, blobs: DiskBlobs, key: str, *, written: float) -> None:
        os.utime(self.root / key[:2] / key, (written, written))


class TestRelaxedDisk(TestDisk):
    async def open_store(self, tmp_path: Path) -> DiskBlobs:
        self.root = tmp_path / "blobs"
        return DiskBlobs(self.root, durable=False, reserve=0, threads=1)
