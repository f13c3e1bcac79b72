"""A download that is given up at the worst moment: nothing stays open."""

import asyncio
import threading
from collections.abc import Mapping

import httpx2
import pytest

from heavylift.client.bodies import prepare
from heavylift.client.calls import Attempt, Request
from heavylift.client.drivers.transport import AsyncTransport


class SlowlyBeginning:
    """A sink whose beginning takes until the one that waits for it has been cancelled."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.leave = threading.Event()
        self.open = False

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.entered.set()
        assert self.leave.wait(60)
        self.open = True

    def write(self, block: bytes | memoryview) -> None:
        raise AssertionError("nobody waits for the bytes any more")

    def end(self) -> None:
        self.open = False


class Uncounted:
    def moved(self, count: int) -> None:
        raise AssertionError("nothing moves")


async def test_what_a_thread_begins_after_the_cancellation_is_ended() -> None:
    sink = SlowlyBeginning()
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, content=b"x")))
    request = Request(method="GET", url="http://server.test/v1/files/file-x/content", headers={})
    attempt = Attempt(request=request, outgoing=prepare(None), tally=Uncounted(), sink=sink)
    sending = asyncio.create_task(AsyncTransport(client).send(attempt))
    await asyncio.to_thread(sink.entered.wait, 60)
    sending.cancel()
    await asyncio.sleep(0)
    sink.leave.set()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert not sink.open
    await client.aclose()
