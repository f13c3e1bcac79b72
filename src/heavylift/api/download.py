"""A file's bytes as an answer, sent as fast as the client takes them.

The first of them is at hand before the head is sent, so that a file whose bytes cannot be
read is answered with an error and not with a torso.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import aclosing
from functools import partial

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from heavylift.api.body import ClientGone, Patience
from heavylift.api.lane import Lane
from heavylift.api.laneout import Piece
from heavylift.service.ports import BlobMissing, StorageDown


class AnswerCut(Exception):
    """The bytes of an answer that had begun cannot be read on, for the reason that is its cause."""


END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class Flowing(Response):
    """An answer whose body comes as it is sent. It is as long as its headers say; where they do not, its end
    tells. (What `Response` is made of would say of itself that it is empty.)"""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self.status_code = status
        self.background = None
        self.init_headers(headers)


class Download(Flowing):
    """Pulls chunks, and frees what holds them when the client leaves."""

    @classmethod
    async def begin(
        cls,
        content: AsyncGenerator[bytes],
        status: int,
        headers: Mapping[str, str],
        *,
        leave: Callable[[], None] = lambda: None,
    ) -> "Download":
        """An answer with these bytes. `leave` is called when it has been sent. Raises what their beginning
        raises."""
        answer = cls(status, headers)
        answer._leave = leave
        answer._content = content
        answer._first = await anext(content, b"")
        return answer

    _content: AsyncGenerator[bytes]
    _first: bytes
    _leave: Callable[[], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Raises ClientGone when there is nobody left to send it to."""
        gone = asyncio.create_task(_disconnected(receive))
        async with aclosing(self._content) as content:
            try:
                await send(_head(self))
                await send(_body(self._take_first()))
                async for chunk in content:
                    if gone.done():
                        raise ClientGone
                    await send(_body(chunk))
                await send(END)
            except (BlobMissing, StorageDown) as error:
                raise AnswerCut from error
            finally:
                gone.cancel()
                self._leave()

    def _take_first(self) -> bytes:
        """It is not kept until the last is sent."""
        first, self._first = self._first, b""
        return first


class DirectDownload(Flowing):
    """Sends open files through the lane.

    `instead` makes the answer to what opening the first of them raises, for until then nothing is sent.
    `leave` is called when it has been sent.
    """

    def __init__(
        self,
        lane: Lane,
        pieces: Generator[Piece],
        *,
        patience: Patience,
        instead: Callable[[Exception], Awaitable[Response]],
        leave: Callable[[], None],
        status: int,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(status, headers)
        self._lane = lane
        self._pieces = pieces
        self._patience = patience
        self._instead = instead
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Raises ClientGone when there is nobody left to send it to."""
        try:
            await self._lane.send(partial(send, _head(self)), self._pieces, self._patience)
        except (BlobMissing, StorageDown, OSError) as error:
            if not self._lane.unanswered:
                raise AnswerCut from error
            answer = await self._instead(error)
            await answer(scope, receive, send)
        else:
            await send(END)
        finally:
            self._pieces.close()
            self._leave()


def _head(answer: Response) -> Message:
    return {"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers}


def _body(chunk: bytes) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": True}


async def _disconnected(receive: Receive) -> None:
    """Returns when the client has left: uvicorn's `send` to a closed connection says nothing."""
    while (await receive())["type"] != "http.disconnect":
        pass
