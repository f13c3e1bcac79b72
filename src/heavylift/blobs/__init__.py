"""Drivers of the port BlobStore, chosen by URL."""

import os
import time
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from heavylift.blobs.disk import RESERVE, DiskBlobs, prepare
from heavylift.blobs.memory import MemoryBlobs
from heavylift.service.ports import BlobStore, Clock

SUPPORTED = (
    "file:///folder (local disk), s3://bucket/prefix, gs://bucket/prefix, az://container/prefix"
    " (object stores) or memory: (gone when the process ends)"
)

OBJECT_STORES = frozenset({"s3", "gs", "az"})


def open_blobs(
    url: str, *, durable: bool = True, reserve: int = RESERVE, make: bool = True, clock: Clock = time.time
) -> BlobStore:
    """The store that `url` names.

    `durable`: a write returns when it survives a power loss. `reserve`: bytes that a disk keeps
    free. Without `make` a folder must be there, and nothing is made in it. `clock` dates blobs in memory;
    a disk has its own. Raises ValueError if the URL names no
    store that there is, StorageDown or StorageFull if its store cannot be opened.
    """
    check_url(url)
    if url == "memory:":
        return MemoryBlobs(clock=clock)
    if url.startswith("file:"):
        return DiskBlobs(_folder(url), durable=durable, reserve=reserve, make=make)
    return _open_objects(url)


def check_url(url: str) -> None:
    """Make sure that blobs can have the URL, as far as it tells by itself. Raises ValueError."""
    scheme, separator, _ = url.partition(":")
    if scheme == "file" and separator:
        _folder(url)
        return
    if url == "memory:" or (scheme in OBJECT_STORES and urlsplit(url).netloc):
        return
    if scheme in OBJECT_STORES and separator:
        raise ValueError(f"the URL of an object store names a bucket: {scheme}://bucket/prefix")
    # Not the whole URL: it may hold a secret, and without a scheme all of it may be one.
    named = f" {scheme[:20]}" if url.startswith(f"{scheme}://") and scheme.isalnum() else ""
    path = "a path alone names none, " if url.startswith(("/", ".", "~")) else ""
    raise ValueError(f"no blob store{named}: {path}the URL of the blobs is {SUPPORTED}")


def lay_out_blobs(url: str) -> None:
    """Make the folders of a store on a local disk; of other stores, nothing. Raises as `open_blobs` does."""
    if url.startswith("file:"):
        prepare(os.path.abspath(_folder(url)))


def folder_of(url: str) -> Path | None:
    """The folder that a URL names; None of other stores. Raises ValueError."""
    return _folder(url) if url.startswith("file:") else None


def prefix_of(url: str) -> tuple[str, ...] | None:
    """Kind of store, bucket, and the parts of the prefix; None of what is no object store."""
    parts = urlsplit(url)
    if parts.scheme not in OBJECT_STORES:
        return None
    return (parts.scheme, parts.netloc, *filter(None, unquote(parts.path).split("/")))


def _open_objects(url: str) -> BlobStore:
    try:
        from heavylift.blobs.objecturls import open_objects  # noqa: PLC0415 - its client is an extra
    except ModuleNotFoundError as error:
        raise ValueError(
            f"object stores need {error.name}: in a clone, pip install '.[server,objectstore]'"
        ) from error
    return open_objects(url)


def _folder(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment or not parts.path:
        raise ValueError("the URL of a folder is file:///absolute/path or file:relative/path")
    return Path(os.fsdecode(unquote_to_bytes(parts.path)))
