"""The thread that sends: every answer whole, in its turn, and let go of whatever happens."""

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from heavylift.api.body import ClientGone
from heavylift.api.laneout import Piece, Writer
from heavylift.api.sender import Sender
from heavylift.api.turns import Turn
from heavylift.blobs.diskfile import DiskBlob, open_blob
from heavylift.domain.files import Span
from heavylift.service.ports import BlobMissing, StorageDown
from tests.fakes import PATIENCE

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
BYTES = os.urandom(1_000_000) * 20
"""More than a socket holds."""


@dataclass
class Line:
    """A connection: the server's end, which does not block, and the client's."""

    server: socket.socket
    client: socket.socket

    async def read(self, count: int) -> bytes:
        """So many bytes, as the client gets them."""
        got = bytearray()
        async with asyncio.timeout(PATIENCE):
            while len(got) < count:
                chunk = await asyncio.get_running_loop().sock_recv(self.client, 1 << 20)
                assert chunk, "the answer ended early"
                got += chunk
        return bytes(got)


@pytest.fixture(scope="module")
def sender() -> Sender:
    """One for all these tests, as a server has it."""
    return Sender("sender-of-tests")


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """One connection."""
    with ExitStack() as stack:
        yield stack.enter_context(_Connected()).line


class _Connected:
    """A connection over loopback for a `with` block."""

    def __enter__(self) -> "_Connected":
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
        for end in (client, server):
            end.setblocking(False)
        self.line = Line(server, client)
        return self

    def __exit__(self, *exception: object) -> None:
        self.line.client.close()
        self.line.server.close()


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A file with BYTES in it."""
    path = tmp_path / "blob"
    path.write_bytes(BYTES)
    return path


def pieces(path: Path, *spans: tuple[int, int]) -> Generator[Piece]:
    """Stretches of that file, each opened anew."""
    for start, stop in spans:
        with closing(DiskBlob(path.name, open_blob(str(path)))) as opened:
            yield opened, Span(start, stop)


def sending(sender: Sender, writer: Writer, *, idle: float = PATIENCE) -> "asyncio.Task[None]":
    return asyncio.create_task(sender.send(writer, idle=idle))


async def test_head_and_pieces_arrive_in_order_through_a_socket_that_fills_up(
    sender: Sender, line: Line, stored: Path
) -> None:
    spans = [(0, len(BYTES)), (5, 6), (1000, 9_000_000)]
    writer = Writer(line.server, HEAD, pieces(stored, *spans))
    task = sending(sender, writer)
    expected = HEAD + b"".join(BYTES[start:stop] for start, stop in spans)
    assert await line.read(len(expected)) == expected
    await task
    assert writer.sent == len(expected) - len(HEAD)


async def test_a_client_that_reads_nothing_holds_nobody_up(sender: Sender, stored: Path) -> None:
    with ExitStack() as stack:
        lines = [stack.enter_context(_Connected()).line for _ in range(20)]
        tasks = [
            sending(sender, Writer(line.server, HEAD, pieces(stored, (0, len(BYTES))))) for line in lines
        ]
        for line, task in zip(reversed(lines), reversed(tasks), strict=True):
            assert await line.read(len(HEAD) + len(BYTES)) == HEAD + BYTES
            await task


async def test_what_the_first_file_raises_comes_before_any_byte(sender: Sender, line: Line) -> None:
    def missing() -> Iterator[Piece]:
        raise BlobMissing("gone")
        yield

    writer = Writer(line.server, HEAD, missing())
    with pytest.raises(BlobMissing):
        await sending(sender, writer)
    assert not writer.begun
    line.server.close()
    assert await asyncio.get_running_loop().sock_recv(line.client, 1) == b""


async def test_a_file_shorter_than_known_is_an_error_and_not_a_wait(
    sender: Sender, line: Line, stored: Path
) -> None:
    writer = Writer(line.server, HEAD, pieces(stored, (len(BYTES) - 10, len(BYTES) + 10)))
    with pytest.raises(StorageDown, match="shorter than the catalog knows"):
        await sending(sender, writer)
    assert await line.read(len(HEAD) + 10) == HEAD + BYTES[-10:]


async def test_a_client_that_takes_nothing_for_too_long_is_given_up(
    sender: Sender, line: Line, stored: Path
) -> None:
    with pytest.raises(ClientGone):
        await sending(sender, Writer(line.server, HEAD, pieces(stored, (0, len(BYTES)))), idle=0.05)


async def test_a_client_that_leaves_is_noticed(sender: Sender, line: Line, stored: Path) -> None:
    task = sending(sender, Writer(line.server, HEAD, pieces(stored, (0, len(BYTES)))))
    await line.read(len(HEAD))
    line.client.close()
    with pytest.raises(ClientGone):
        await task


@pytest.mark.parametrize("full", [True, False], ids=["while the socket is full", "at once"])
async def test_a_cancelled_sending_is_let_go_of(sender: Sender, line: Line, stored: Path, full: bool) -> None:
    opened = pieces(stored, (0, len(BYTES)))
    task = sending(sender, Writer(line.server, HEAD, opened))
    await (line.read(len(HEAD)) if full else asyncio.sleep(0))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    opened.close()  # which fails while the thread is inside


async def test_a_turn_that_ends_early_with_room_left_goes_on_at_once(sender: Sender, line: Line) -> None:
    class Interrupted(Writer):
        """As sendfile is by a signal: it says blocked although nothing is."""

        turns = 0

        def push(self) -> Turn:
            self.turns += 1
            return Turn.DONE if self.turns == 3 else Turn.BLOCKED

    writer = Interrupted(line.server, HEAD, iter(()))
    async with asyncio.timeout(PATIENCE):
        await sender.send(writer, idle=60)
    assert writer.turns == 3


async def test_a_thread_that_could_not_start_is_started_with_the_next_answer(
    line: Line, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    sender = Sender("late-sender")
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", no_more)
        with pytest.raises(RuntimeError, match="start new thread"):
            await sender.send(Writer(line.server, HEAD, pieces(stored, (0, 10))), idle=PATIENCE)
    task = sending(sender, Writer(line.server, HEAD, pieces(stored, (0, 10))))
    assert await line.read(len(HEAD) + 10) == HEAD + BYTES[:10]
    await task
