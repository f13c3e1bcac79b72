"""Which store a URL opens, and what is said when it opens none."""

from pathlib import Path

import pytest

from heavylift.blobs import open_blobs
from heavylift.blobs.disk import DiskBlobs
from heavylift.blobs.memory import MemoryBlobs
from heavylift.service.ports import BlobStore, StorageDown
from tests.contract.blobs import all_keys, stream

KEY = "0123456789abcdef" * 2


async def test_memory_takes_its_dates_from_the_clock() -> None:
    blobs = open_blobs("memory:", clock=lambda: 1000.0)
    assert isinstance(blobs, MemoryBlobs)
    await blobs.write(KEY, stream([b"x"]))
    assert [key async for key in blobs.older_than(1000.0)] == []
    assert [key async for key in blobs.older_than(1000.5)] == [KEY]


@pytest.mark.parametrize("form", ["file://{}/some%20folder/blobs", "file:{}/some folder/blobs"])
async def test_a_file_url_is_a_folder_that_is_made(tmp_path: Path, form: str) -> None:
    blobs = open_blobs(form.format(tmp_path))
    assert isinstance(blobs, DiskBlobs)
    await blobs.write(KEY, stream([b"x"]))
    assert (tmp_path / "some folder" / "blobs" / "01" / KEY).read_bytes() == b"x"
    await blobs.close()


async def test_a_relative_folder_lies_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await open_blobs("file:data/blobs").close()
    assert len(list((tmp_path / "data" / "blobs").iterdir())) == 256


async def test_a_store_that_is_opened_again_has_its_blobs(tmp_path: Path) -> None:
    for _ in range(2):
        blobs = open_blobs(f"file://{tmp_path}")
        if not await all_keys(blobs):
            await blobs.write(KEY, stream([b"x"]))
        await blobs.close()
    again: BlobStore = open_blobs(f"file://{tmp_path}")
    assert await all_keys(again) == [KEY]
    await again.close()


@pytest.mark.parametrize(
    "url",
    ["", "ftp://host/x", "/just/a/path", "memory", "memory:x", "user:secret@host", "file",
     "secret", "/a/secret@h", "pw=secret"],
)  # fmt: skip
def test_another_url_is_refused_with_what_is_supported(url: str) -> None:
    with pytest.raises(ValueError, match=r"file:///folder .* or memory:") as refusal:
        open_blobs(url)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("url", ["file:", "file://", "file://relative/x", "file:///x?y", "file:///x#y"])
def test_a_file_url_without_a_plain_path_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="file:///absolute/path"):
        open_blobs(url)


def test_a_folder_that_is_a_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageDown, match="not a folder"):
        open_blobs(f"file://{tmp_path}/file")
    with pytest.raises(StorageDown):
        open_blobs(f"file://{tmp_path}/file/below")


def test_a_folder_that_cannot_be_made_is_refused_at_once() -> None:
    with pytest.raises(StorageDown):
        open_blobs("file:///proc/blobs")
