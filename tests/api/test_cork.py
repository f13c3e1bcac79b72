"""A head that waits for its body, and never longer."""

from typing import Any

from heavylift.api.cork import Corked


class Written:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        if data:
            self.writes.append(data)

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


def corked() -> tuple[Any, Written]:
    written = Written()
    return Corked(written), written


def test_a_head_that_is_held_goes_out_in_one_write_with_its_body() -> None:
    transport, written = corked()
    transport.hold()
    transport.write(b"head ")
    assert written.writes == []
    transport.write(b"body")
    transport.write(b"next")
    assert written.writes == [b"head body", b"next"]


def test_an_empty_body_lets_the_head_go() -> None:
    transport, written = corked()
    transport.hold()
    transport.write(b"head")
    transport.write(b"")
    assert written.writes == [b"head"]


def test_what_waits_when_the_connection_is_closed_is_written_first() -> None:
    transport, written = corked()
    transport.hold()
    transport.write(b"head")
    transport.close()
    assert written.writes == [b"head"]
    assert written.closed


def test_without_being_told_nothing_waits() -> None:
    transport, written = corked()
    transport.write(b"100 Continue")
    assert written.writes == [b"100 Continue"]
    assert transport.get_extra_info("socket") == "the socket"
