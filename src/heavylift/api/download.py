"""A file's bytes as an answer, sent as fast as the client takes them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from heavylift.api.body import ClientGone


class Download(Response):
    """Streams `content` behind its first chunk, and frees what it holds when the client leaves.

    The first chunk is at hand before the head is sent, so that a file whose bytes cannot be
    read is answered with an error and not with a torso.
    """

    def __init__(
        self, first: bytes, content: AsyncGenerator[bytes], status: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(status_code=status, headers=headers)
        self._first = first
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Raises ClientGone when there is nobody left to send it to."""
        gone = asyncio.create_task(_disconnected(receive))
        async with aclosing(self._content) as content:
            try:
                await send(
                    {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
                )
                await send(_body(self._first))
                async for chunk in content:
                    if gone.done():
                        raise ClientGone
                    await send(_body(chunk))
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                gone.cancel()


def _body(chunk: bytes) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": True}


async def _disconnected(receive: Receive) -> None:
    """Returns when the client has left: uvicorn's `send` to a closed connection says nothing."""
    while (await receive())["type"] != "http.disconnect":
        pass
