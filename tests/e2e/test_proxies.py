"""Transfers go through every proxy that the recipes configure: whole, refused, and while they are sent."""

import hashlib
import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest

from tests.e2e.proxies import KINDS, in_front, program_of
from tests.e2e.wire import BOUND, not_tested
from tests.serving import Served

MIB = 1024 * 1024
DATA = os.urandom(6 * MIB)
PIECE, REST = 3 * MIB, MIB


@pytest.mark.parametrize("name", KINDS)
def test_a_transfer_goes_through_as_the_page_configures_it(name: str, server: Served, tmp_path: Path) -> None:
    if program_of(KINDS[name]) is None:
        not_tested(f"NOTHING WAS SENT THROUGH {name.upper()}: run `python -m tests.engines`")
    with (
        in_front(KINDS[name], server=server.port, folder=tmp_path) as url,
        openai.OpenAI(base_url=url, api_key=server.key, max_retries=5) as client,
    ):
        upload = client.uploads.create(
            filename="x", purpose="user_data", bytes=len(DATA), mime_type="application/octet-stream"
        )
        parts = [
            client.uploads.parts.create(upload.id, data=half).id for half in (DATA[:PIECE], DATA[PIECE:])
        ]
        file = client.uploads.complete(upload.id, part_ids=parts, md5=hashlib.md5(DATA).hexdigest()).file
        assert file is not None
        assert client.files.content(file.id).read() == DATA
        with pytest.raises(openai.BadRequestError):
            client.files.create(file=("x.bin", DATA), purpose="vision")
        slow = client.uploads.create(
            filename="x", purpose="user_data", bytes=PIECE + REST, mime_type="application/octet-stream"
        )
        arrives_while_it_is_sent(server, url, slow.id)


def arrives_while_it_is_sent(server: Served, url: str, upload: str) -> None:
    """A body whose end is not sent yet lies for the most part in the server's folder already."""
    before = {path for path in server.data.rglob("*") if path.is_file()}
    head = (
        f"POST /v1/uploads/{upload}/parts HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        f"Authorization: Bearer {server.key}\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Length: {PIECE + REST}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=BOUND) as line:
        line.sendall(head.encode() + bytes(PIECE))
        overdue = time.monotonic() + BOUND
        while largest_of(server, before) < PIECE - MIB:
            assert time.monotonic() < overdue, "the proxy collects the body"
            time.sleep(0.05)
        line.sendall(bytes(REST))
        assert line.recv(12) == b"HTTP/1.1 200"


def largest_of(server: Served, before: set[Path]) -> int:
    """Bytes of the largest file that is new."""
    sizes = [0]
    for path in set(server.data.rglob("*")) - before:
        if path.is_file() and "catalog" not in path.name:
            sizes.append(path.stat().st_size)
    return max(sizes)
