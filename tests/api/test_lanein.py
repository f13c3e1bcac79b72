"""The thread that receives: what it hands over, and where a file's stretches begin."""

import random
import socket
import threading

from hypothesis import given
from hypothesis import strategies as st

from heavylift.api.lanein import BUFFER, Reader
from heavylift.api.turns import Turn


def received(body: bytes, *, early: int, envelope: int, turn: int) -> list[bytes]:
    """The body in the pieces that a Reader hands over, of which the first `envelope` bytes are no payload."""
    pieces: list[bytes] = []

    def consume(buffer: bytearray, count: int) -> int:
        before = sum(map(len, pieces))
        pieces.append(bytes(buffer[:count]))
        return max(0, before + count - envelope) - max(0, before - envelope)

    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        sender = threading.Thread(target=theirs.sendall, args=(body[early:],))
        sender.start()
        reader = Reader(ours.fileno(), bytearray(BUFFER), bytearray(body[:early]), len(body) - early, consume)
        while reader.drain() is not Turn.DONE:
            pass
        sender.join()
    return pieces


def test_the_turn_of_others_comes_when_the_bytes_of_one_are_used_up() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.sendall(bytes(1000))
        reader = Reader(
            ours.fileno(), bytearray(BUFFER), bytearray(), 1001, lambda _, count: count, turn=1000
        )
        assert reader.drain() is Turn.USED_UP
        assert reader.drain() is Turn.BLOCKED
        theirs.sendall(b"x")
        assert reader.drain() is Turn.DONE


@given(
    size=st.integers(1, 5 * BUFFER),
    early=st.integers(0, BUFFER),
    envelope=st.integers(0, 5000),
    turn=st.integers(1, 3 * BUFFER),
    seed=st.integers(),
)
def test_stretches_of_a_file_begin_at_multiples_of_the_buffer(
    size: int, early: int, envelope: int, turn: int, seed: int
) -> None:
    body = random.Random(seed).randbytes(size)
    envelope, early = min(envelope, size), min(early, size)
    pieces = received(body, early=early, envelope=envelope, turn=max(turn, size // 20))
    assert b"".join(pieces) == body
    ends = [sum(map(len, pieces[: number + 1])) - envelope for number in range(len(pieces))]
    assert all(end % BUFFER == 0 for end in ends[2:-1])
