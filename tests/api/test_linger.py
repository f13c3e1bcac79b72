"""After an early answer the rest of the body is taken, within bounds, so that the answer can be read."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from heavylift.api.body import ClientGone
from heavylift.api.linger import Linger

LENGTH = (b"content-length", b"9")
EXPECT = (b"expect", b"100-continue")


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers without reading."""
    await send({"type": "http.response.start", "status": 413, "headers": []})
    await send({"type": "http.response.body", "body": b"too large"})


async def read_first_then_refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers after the first piece."""
    await receive()
    await refuse(scope, receive, send)


class Wire:
    """Both directions of one request. After the pieces the client is silent."""

    def __init__(self, *pieces: Message) -> None:
        self.pieces = list(pieces)
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if self.pieces:
            return self.pieces.pop(0)
        return await asyncio.Event().wait()  # type: ignore[return-value]

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def run(self, app: Any, *headers: tuple[bytes, bytes], **bounds: Any) -> None:
        scope = {"type": "http", "method": "POST", "path": "/", "headers": list(headers)}
        async with asyncio.timeout(20):
            await Linger(app, **bounds)(scope, self.receive, self.send)

    @property
    def ended(self) -> bool:
        return bool(self.sent) and not self.sent[-1].get("more_body", False)


def piece(size: int, *, more: bool) -> Message:
    return {"type": "http.request", "body": bytes(size), "more_body": more}


@pytest.mark.parametrize("app", [refuse, read_first_then_refuse])
async def test_the_rest_is_taken_before_the_answer_ends(app: Any) -> None:
    wire = Wire(piece(3, more=True), piece(3, more=True), piece(3, more=False))
    await wire.run(app, LENGTH)
    assert wire.pieces == []
    assert wire.ended
    assert b"".join(message.get("body", b"") for message in wire.sent) == b"too large"


async def test_the_answer_itself_is_sent_before_the_rest_is_taken() -> None:
    wire = Wire(piece(3, more=True))
    task = asyncio.create_task(wire.run(refuse, LENGTH))
    while len(wire.sent) < 2 or wire.pieces:
        await asyncio.sleep(0)
    assert wire.sent[1]["body"] == b"too large"
    assert not wire.ended
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_client_that_goes_on_for_too_long_is_cut_off() -> None:
    wire = Wire(*[piece(10, more=True)] * 5)
    with pytest.raises(ClientGone):
        await wire.run(refuse, LENGTH, bytes=25)
    assert len(wire.pieces) == 2
    assert not wire.ended


async def test_a_client_that_falls_silent_is_cut_off() -> None:
    wire = Wire(piece(3, more=True))
    with pytest.raises(ClientGone):
        await wire.run(refuse, (b"transfer-encoding", b"chunked"), seconds=0.01)
    assert not wire.ended


async def test_a_client_that_left_does_not_keep_it_waiting() -> None:
    wire = Wire(piece(3, more=True), {"type": "http.disconnect"})
    await wire.run(refuse, LENGTH)
    assert wire.ended


async def test_an_answer_after_the_whole_body_passes_unchanged() -> None:
    wire = Wire(piece(9, more=False))
    await wire.run(read_first_then_refuse, LENGTH)
    assert [message["type"] for message in wire.sent] == ["http.response.start", "http.response.body"]
    assert wire.sent[0]["headers"] == []


async def test_a_request_without_a_body_passes_unchanged() -> None:
    wire = Wire()
    await wire.run(refuse)
    assert [message.get("body") for message in wire.sent] == [None, b"too large"]


async def test_a_client_that_waits_for_leave_is_answered_at_once_and_told_that_this_was_all() -> None:
    wire = Wire()
    await wire.run(refuse, LENGTH, EXPECT)
    assert wire.ended
    assert (b"connection", b"close") in wire.sent[0]["headers"]


async def test_a_client_that_was_given_leave_is_like_any_other() -> None:
    wire = Wire(piece(3, more=True), piece(6, more=False))
    await wire.run(read_first_then_refuse, LENGTH, EXPECT)
    assert wire.pieces == []
    assert (b"connection", b"close") not in wire.sent[0]["headers"]
