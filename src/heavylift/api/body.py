"""Where bodies come in: the one seam between the socket and what stands above it."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from heavylift.api.shares import Place
from heavylift.domain.errors import BodyTooLarge, TooSlow

WATCH: Final = "heavylift.watch"
"""In the scope's state: tells our connection that from now on a client which closes its side has left."""

WHOLE: Final = "heavylift.whole"
"""Among the scope's extensions: the server has all of the body already."""


class ClientGone(Exception):
    """The client closed the connection in the middle of its request. There is nobody to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a body may stand still, and how long it may take in all, in seconds.

    `rate` is how many bytes a second it brings at least, on average, once `idle` has passed; 0 for none.
    """

    idle: float
    total: float
    rate: float = 0.0

    def left(self, elapsed: float, received: int) -> float:
        """How long to wait for the next bytes, `elapsed` seconds after the body began. 0 or less: no more."""
        seconds = min(self.idle, self.total - elapsed)
        if self.rate:
            seconds = min(seconds, self.idle + received / self.rate - elapsed)
        return seconds


async def chunks(request: Request, patience: Patience, place: Place | None = None) -> AsyncIterator[bytes]:
    """The body as it arrives, pulled: nothing is read from the socket that nobody asked for.

    Its `place` hears how far it has come. Raises ClientGone when the client leaves and TooSlow when
    it stops sending, or sends too slowly.
    """
    place = place or Place("")
    if is_whole(request):
        yield await whole(request, place)
        return
    clock = asyncio.get_running_loop().time
    began = clock()
    more = True
    while more:
        try:
            async with asyncio.timeout(patience.left(clock() - began, place.received)):
                message = await request.receive()
        except TimeoutError:
            raise too_slow(patience) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        more = message.get("more_body", False)
        body = message.get("body", b"")
        place.received += len(body)
        place.whole = not more
        if body:
            yield body


def is_whole(request: Request) -> bool:
    """Whether the server has all of the body already, so that there is nothing to wait for."""
    return WHOLE in request.scope.get("extensions", ())


async def whole(request: Request, place: Place) -> bytes:
    """All of such a body. Raises ClientGone."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message["body"]
    place.received, place.whole = len(body), True
    return body


def too_slow(patience: Patience) -> TooSlow:
    """The refusal of a client that has used up our patience."""
    slowly = f", brought fewer than {patience.rate:g} bytes a second," if patience.rate else ""
    return TooSlow(
        f"The body stood still for {patience.idle:g} seconds{slowly} or took more than"
        f" {patience.total:g} in all. Nothing of it was kept. Send it again."
    )


def declared_length(request: Request) -> int | None:
    """The body's size in bytes as the head says it, None for a chunked body."""
    length = b""
    for name, value in request.scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = length or value
    return int(length) if re.fullmatch(b"[0-9]{1,20}", length) else None


async def read_all(request: Request, *, limit: int, patience: Patience, place: Place | None = None) -> bytes:
    """A small body as a whole. Raises BodyTooLarge beyond `limit` bytes."""
    if is_whole(request):
        body = await whole(request, place or Place(""))
        if len(body) > limit:
            raise _too_large(limit)
        return body
    if (declared_length(request) or 0) > limit:
        raise _too_large(limit)
    found = bytearray()
    async for chunk in chunks(request, patience, place):
        found += chunk
        if len(found) > limit:
            raise _too_large(limit)
    return bytes(found)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"This body may hold {limit} bytes at most. Send a shorter one.")
