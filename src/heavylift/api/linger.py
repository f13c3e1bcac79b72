"""After an early answer: take the rest of the body, so that the client gets to read the answer.

A server that closes while bytes still arrive makes the kernel send a reset, which may
destroy the answer on its way. So what a refused client goes on sending is dropped, up to
a bound in bytes and time; only then is the answer ended.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heavylift.api.body import ClientGone
from heavylift.api.lane import EXTENSION

MOST_BYTES = 128 * 1024 * 1024
"""Two full Parts: a client that ignores the answer for longer is cut off."""

MOST_SECONDS = 30.0


class Linger:
    """ASGI middleware between the server and everything that may answer early."""

    def __init__(self, app: ASGIApp, *, bytes: int = MOST_BYTES, seconds: float = MOST_SECONDS) -> None:
        self._app = app
        self._bytes = bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request and hold back the end of its answer until its body has ended."""
        named = {name for name, _ in scope.get("headers", ())}
        if scope["type"] != "http" or named.isdisjoint((b"content-length", b"transfer-encoding")):
            await self._app(scope, receive, send)
            return
        body = _Body(receive)
        expects, lane = b"expect" in named, scope.get("extensions", {}).get(EXTENSION)

        async def held(message: Message) -> None:
            waiting = expects and not body.begun and not (lane and lane.begun)
            unread = not body.over and not waiting
            if message["type"] == "http.response.start" and waiting:
                # The client waits for leave to send its body. It gets none, and may send it or not.
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            elif message["type"] == "http.response.body" and not message.get("more_body") and unread:
                await send({**message, "more_body": True})
                await body.drop(self._bytes, self._seconds)
                message = {**message, "body": b""}
            await send(message)

        await self._app(scope, body.receive, held)


class _Body:
    """A request's body as it is taken: whether anyone asked for it, whether it has ended."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.begun = False
        self.over = False

    async def receive(self) -> Message:
        """The next of it."""
        self.begun = True
        message = await self._receive()
        self.over = not message.get("more_body", False)
        return message

    async def drop(self, most: int, seconds: float) -> None:
        """Take the rest and forget it. Raises ClientGone, which ends the connection, when it is too much."""
        try:
            async with asyncio.timeout(seconds):
                while not self.over:
                    most -= len((await self.receive()).get("body", b""))
                    if most < 0:
                        raise ClientGone
        except TimeoutError:
            raise ClientGone from None
