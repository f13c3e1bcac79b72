"""Every kind of file object: what arrives is what its `read` gives, whatever its name stands for."""

import asyncio
import codecs
import gzip
import io
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest
from starlette.datastructures import UploadFile

from heavylift.client import errors
from tests.client.filekinds import (
    KINDS,
    ONCE,
    Kind,
    Made,
    by_bytes_path,
    by_descriptor,
    by_fsspec,
    bzipped,
    from_a_url,
    from_http,
    gzipped,
    in_fsspecs_memory,
    in_memory,
    mapped,
    named_temporary,
    piped,
    plain,
    spooled_in_memory,
    spooled_on_disk,
    tarred,
    temporary,
    unbuffered,
    xzipped,
    zipped,
)
from tests.client.rig import Rig
from tests.client.scripted import Scripted
from tests.client.story import CONTENT, Upload, stored


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_arrives_is_what_it_reads(upload: Upload, server: Scripted, path: Path, kind: Kind) -> None:
    with contextmanager(kind)(path) as file:
        upload(file=file, filename="made.jsonl", part_size=4000)
    assert stored(server) == CONTENT


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ONCE], ids=lambda kind: kind.__name__)
def test_it_is_read_from_where_it_stands(upload: Upload, server: Scripted, path: Path, kind: Kind) -> None:
    with contextmanager(kind)(path) as file:
        skipped = len(file.read(100))
        upload(file=file, filename="made.jsonl", part_size=4000)
    assert 0 < skipped <= 256
    assert stored(server) == CONTENT[skipped:]


async def awaited_starlette(path: Path) -> UploadFile:
    file = UploadFile(io.BytesIO(CONTENT), filename="folder/corpus.jsonl")
    await file.seek(0)
    return file


def test_a_file_whose_read_is_awaited_needs_the_asynchronous_client(
    rig: Rig, upload: Upload, server: Scripted, path: Path
) -> None:
    file = asyncio.run(awaited_starlette(path))
    if rig.driver == "blocking":
        with pytest.raises(errors.InvalidRequestError, match="AsyncHeavylift"):
            upload(file=file)
        return
    upload(file=file)
    assert stored(server) == CONTENT
    assert [made["filename"] for made in server.uploads.values()] == ["corpus.jsonl"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (plain, "corpus.jsonl"),
        (by_bytes_path, "corpus.jsonl"),
        (gzipped, "corpus.jsonl"),
        (zipped, "corpus.jsonl"),
        (by_fsspec, "corpus.jsonl"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_the_name_is_that_of_what_is_read(
    upload: Upload, server: Scripted, path: Path, kind: Kind, name: str
) -> None:
    with contextmanager(kind)(path) as file:
        upload(file=file)
    assert [made["filename"] for made in server.uploads.values()] == [name]


@pytest.mark.parametrize("kind", [by_descriptor, in_memory, piped, from_a_url, spooled_in_memory, mapped])
def test_what_has_no_name_of_its_own_needs_one(
    upload: Upload, server: Scripted, path: Path, kind: Kind
) -> None:
    with contextmanager(kind)(path) as file, pytest.raises(errors.InvalidRequestError, match="filename="):
        upload(file=file)
    assert server.asked == []


CLOSED: list[Kind] = [
    plain, unbuffered, gzipped, bzipped, xzipped, temporary, named_temporary, in_memory, spooled_on_disk,
    zipped, tarred, mapped, from_a_url, from_http, by_fsspec, piped,
]  # fmt: skip


@pytest.mark.parametrize("kind", CLOSED, ids=lambda kind: kind.__name__)
def test_a_closed_file_is_refused_with_what_to_do(
    upload: Upload, server: Scripted, path: Path, kind: Kind
) -> None:
    with contextmanager(kind)(path) as file:
        file.close()
        with pytest.raises(errors.InvalidRequestError, match="is closed"):
            upload(file=file, filename="made.jsonl")
    assert server.asked == []


def test_a_buffer_that_lost_its_file_is_refused(upload: Upload, server: Scripted, path: Path) -> None:
    file = path.open("rb")
    file.detach().close()
    with pytest.raises(errors.InvalidRequestError, match="is closed"):
        upload(file=file, filename="made.jsonl")


def closing_itself(path: Path) -> Made:
    class Closing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            block = super().read(100)
            self.close()
            return block

    yield Closing(CONTENT)


def test_a_file_that_is_closed_while_it_is_read_is_refused(
    upload: Upload, server: Scripted, path: Path
) -> None:
    file = next(closing_itself(path))
    with pytest.raises(errors.InvalidRequestError, match="is closed"):
        upload(file=file, filename="made.jsonl")
    assert server.asked == []


@pytest.mark.parametrize("mode", ["wb", "ab"])
def test_a_file_open_for_writing_alone_is_refused(
    upload: Upload, server: Scripted, tmp_path: Path, mode: str
) -> None:
    with (
        (tmp_path / "new").open(mode) as file,
        pytest.raises(errors.InvalidRequestError, match="for reading"),
    ):
        upload(file=file)
    assert server.asked == []


def texts(path: Path) -> Iterator[Any]:
    with path.open("r", encoding="latin-1") as file:
        yield file
    with gzip.open(path.with_name("t.gz"), "wt") as writing:
        writing.write("text")
    with gzip.open(path.with_name("t.gz"), "rt") as file:
        yield file
    yield io.StringIO("text")
    with codecs.open(str(path), encoding="latin-1") as file:
        yield file


def test_files_of_text_are_refused_with_what_to_do(upload: Upload, server: Scripted, path: Path) -> None:
    for file in texts(path):
        with pytest.raises(errors.InvalidRequestError, match="binary mode"):
            upload(file=file, filename="made.jsonl")
    assert server.asked == []


def test_a_pipe_that_does_not_block_is_waited_for(upload: Upload, server: Scripted) -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)
    feeding = threading.Timer(0.2, lambda: (os.write(write, CONTENT), os.close(write)))
    feeding.start()
    with open(read, "rb") as file:
        upload(file=file, filename="made.jsonl")
    feeding.join()
    assert stored(server) == CONTENT


def test_a_source_that_gives_nothing_yet_is_refused_with_what_to_do(upload: Upload, server: Scripted) -> None:
    here, there = socket.socketpair()
    here.setblocking(False)
    refused = pytest.raises(errors.InvalidRequestError, match="Make it blocking")
    with here, there, here.makefile("rb", buffering=0) as file, refused:
        upload(file=file, filename="made.jsonl")


def test_what_fsspec_has_not_opened_yet_is_refused_with_what_to_do(
    upload: Upload, server: Scripted, path: Path
) -> None:
    for _ in in_fsspecs_memory(path):
        with pytest.raises(errors.InvalidRequestError, match="open it"):
            upload(file=fsspec.open("memory://corpus.jsonl", "rb"))


@pytest.mark.parametrize("odd", ["a\0b", "a\ud800b"])
def test_what_no_path_can_be_is_refused(upload: Upload, server: Scripted, odd: str) -> None:
    with pytest.raises(errors.InvalidRequestError, match=r"NUL|Unicode"):
        upload(file=odd)


def test_a_buffer_with_gaps_is_taken_as_what_it_shows(upload: Upload, server: Scripted) -> None:
    upload(file=memoryview(CONTENT)[::2], filename="made.jsonl")
    assert stored(server) == CONTENT[::2]


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="no /proc")
@pytest.mark.parametrize("made_up", ["/proc/self/status", "/sys/kernel/mm/transparent_hugepage/enabled"])
def test_files_that_a_kernel_makes_up_are_sent_as_streams_are(
    upload: Upload, server: Scripted, made_up: str
) -> None:
    if not Path(made_up).exists():
        pytest.skip(f"no {made_up}")
    upload(file=made_up)
    content = stored(server)
    assert content.splitlines()[0] == Path(made_up).read_bytes().splitlines()[0]
    assert len(content) == server.uploads["upload_1"]["bytes"] > 0
