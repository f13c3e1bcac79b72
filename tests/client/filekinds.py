"""File objects of every kind that gives the same content, each made out of a path to it."""

import bz2
import codecs
import gzip
import io
import lzma
import mmap
import os
import socket
import subprocess
import tarfile
import tempfile
import threading
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.cached import SimpleCacheFileSystem
from starlette.datastructures import UploadFile

from tests.client.story import CONTENT

Made = Iterator[Any]
Kind = Callable[[Path], Made]


def plain(path: Path) -> Made:
    with path.open("rb") as file:
        yield file


def unbuffered(path: Path) -> Made:
    with path.open("rb", buffering=0) as file:
        yield file


def for_update(path: Path) -> Made:
    with path.open("r+b") as file:
        yield file


def written_just_now(path: Path) -> Made:
    path.unlink()
    with path.open("w+b") as file:
        file.write(CONTENT)
        file.seek(0)
        yield file


def by_bytes_path(path: Path) -> Made:
    with open(os.fsencode(path), "rb") as file:
        yield file


def by_descriptor(path: Path) -> Made:
    with open(os.open(path, os.O_RDONLY), "rb") as file:
        yield file


def replaced_since_opened(path: Path) -> Made:
    with path.open("rb") as file:
        path.unlink()
        path.write_bytes(b"another file of that name")
        yield file


def of_a_subclass(path: Path) -> Made:
    """It reads something else than what the file holds."""

    class Plus(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            return bytes(byte ^ 1 for byte in super().read(size) or b"")

    path.write_bytes(bytes(byte ^ 1 for byte in CONTENT))
    with Plus(str(path)) as file:
        yield file


def packed(path: Path, suffix: str, module: Any) -> Made:
    """By one of the standard library's modules that look alike."""
    other = path.with_name(f"corpus.jsonl{suffix}")
    other.write_bytes(module.compress(CONTENT))
    with module.open(other) as file:
        yield file


def gzipped(path: Path) -> Made:
    yield from packed(path, ".gz", gzip)


def bzipped(path: Path) -> Made:
    yield from packed(path, ".bz2", bz2)


def xzipped(path: Path) -> Made:
    yield from packed(path, ".xz", lzma)


def buffered_over_gzip(path: Path) -> Made:
    for file in gzipped(path):
        with io.BufferedReader(file) as outer:
            yield outer


def zipped(path: Path) -> Made:
    other = path.with_name("some.zip")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "corpus.jsonl")
    with zipfile.ZipFile(other) as archive, archive.open("corpus.jsonl") as file:
        yield file


def tarred(path: Path) -> Made:
    other = path.with_name("some.tar")
    with tarfile.open(other, "w") as archive:
        archive.add(path, "corpus.jsonl")
    with tarfile.open(other) as archive:
        yield archive.extractfile("corpus.jsonl")


def temporary(path: Path) -> Made:
    with tempfile.TemporaryFile() as file:
        file.write(CONTENT)
        file.seek(0)
        yield file


def named_temporary(path: Path) -> Made:
    with tempfile.NamedTemporaryFile() as file:
        file.write(CONTENT)
        file.seek(0)
        yield file


def spooled_in_memory(path: Path) -> Made:
    with tempfile.SpooledTemporaryFile() as file:
        file.write(CONTENT)
        file.seek(0)
        yield file


def spooled_on_disk(path: Path) -> Made:
    with tempfile.SpooledTemporaryFile(max_size=10) as file:
        file.write(CONTENT)
        file.seek(0)
        yield file


def in_memory(path: Path) -> Made:
    yield io.BytesIO(CONTENT)


def under_a_text(path: Path) -> Made:
    with path.open("r", encoding="latin-1") as file:
        yield file.buffer


def recoded(path: Path) -> Made:
    """UTF-8 out of a file in UTF-16."""
    other = path.with_name("utf16")
    text = CONTENT.decode("latin-1")
    other.write_bytes(text.encode("utf-16"))
    with other.open("rb") as raw:
        yield codecs.EncodedFile(raw, "latin-1", "utf-16")


def mapped(path: Path) -> Made:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping:
        yield mapping


def piped(path: Path) -> Made:
    with subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE) as process:
        yield process.stdout


def piped_unbuffered(path: Path) -> Made:
    with subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE, bufsize=0) as process:
        yield process.stdout


@contextmanager
def fed_socket() -> Iterator[socket.socket]:
    here, there = socket.socketpair()
    feeding = threading.Thread(target=lambda: (there.sendall(CONTENT), there.close()))
    feeding.start()
    with here:
        yield here
    feeding.join()


def from_a_socket(path: Path) -> Made:
    with fed_socket() as connection, connection.makefile("rb") as file:
        yield file


def from_a_socket_unbuffered(path: Path) -> Made:
    with fed_socket() as connection, connection.makefile("rb", buffering=0) as file:
        yield file


def from_a_pair(path: Path) -> Made:
    with path.open("rb", buffering=0) as reader, open(os.devnull, "wb", buffering=0) as writer:
        yield io.BufferedRWPair(reader, writer)


def from_a_url(path: Path) -> Made:
    with urllib.request.urlopen(path.as_uri()) as answer:
        yield answer


def from_http(path: Path) -> Made:
    here, there = socket.socketpair()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(CONTENT)}\r\n\r\n".encode()
    feeding = threading.Thread(target=lambda: there.sendall(head + CONTENT))
    feeding.start()
    connection = HTTPConnection("nowhere.test")
    connection.sock = here
    connection.request("GET", "/")
    yield connection.getresponse()
    feeding.join()
    connection.close()
    there.close()


def by_fsspec(path: Path) -> Made:
    with fsspec.open(f"file://{path}", "rb") as file:
        yield file


def unpacked_by_fsspec(path: Path) -> Made:
    other = path.with_name("corpus.jsonl.gz")
    other.write_bytes(gzip.compress(CONTENT))
    with fsspec.open(f"file://{other}", "rb", compression="gzip") as file:
        yield file


def in_fsspecs_memory(path: Path) -> Made:
    with fsspec.open("memory://corpus.jsonl", "wb") as file:
        file.write(CONTENT)
    with fsspec.open("memory://corpus.jsonl", "rb") as file:
        yield file


def cached_by_fsspec(path: Path) -> Made:
    cache = SimpleCacheFileSystem(fs=fsspec.filesystem("file"), cache_storage=str(path.parent / "cache"))
    with cache.open(str(path), "rb") as file:
        yield file


def wrapped_by_starlette(path: Path) -> Made:
    """As its requests hold it: its `read` has to be awaited, its `.file` has not."""
    with tempfile.SpooledTemporaryFile() as file:
        file.write(CONTENT)
        file.seek(0)
        yield UploadFile(file, filename="corpus.jsonl").file


KINDS: list[Kind] = [
    plain, unbuffered, for_update, written_just_now, by_bytes_path, by_descriptor, replaced_since_opened,
    of_a_subclass, gzipped, bzipped, xzipped, buffered_over_gzip, zipped, tarred, temporary, named_temporary,
    spooled_in_memory, spooled_on_disk, in_memory, under_a_text, recoded, mapped, piped, piped_unbuffered,
    from_a_socket, from_a_socket_unbuffered, from_a_pair, from_a_url, from_http, by_fsspec,
    unpacked_by_fsspec, in_fsspecs_memory, cached_by_fsspec, wrapped_by_starlette,
]  # fmt: skip

ONCE = {piped, piped_unbuffered, from_a_socket, from_a_socket_unbuffered, from_a_pair, from_http}
"""Those that are streams: what was read of them is gone."""
