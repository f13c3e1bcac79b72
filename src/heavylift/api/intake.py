"""A request's payload, out of its envelope, by whichever way the server offers."""

from collections.abc import AsyncIterator, Callable, Sequence

from starlette.requests import Request

from heavylift.api.body import Patience, chunks, declared_length
from heavylift.api.lane import lane_of
from heavylift.api.multipart import PartForm
from heavylift.service.ports import Buffer, Incoming


def incoming(request: Request, patience: Patience, form: PartForm | None = None) -> Incoming:
    """The body, or the one field of `form` in it: pulled, and poured where there is a lane."""
    lane, length = lane_of(request), declared_length(request)
    pulled = _pulled(chunks(request, patience), form)
    if lane is None or length is None or not lane.can_receive():
        return Incoming(chunks=pulled)

    async def pour(take: Callable[[Sequence[Buffer]], None]) -> None:
        def consume(buffer: bytearray, count: int) -> None:
            take(form.feed(buffer, stop=count) if form else [memoryview(buffer)[:count]])

        await lane.receive(length, consume, patience)
        if form:
            form.finish()

    return Incoming(chunks=pulled, pour=pour)


async def _pulled(body: AsyncIterator[bytes], form: PartForm | None) -> AsyncIterator[Buffer]:
    async for chunk in body:
        for piece in form.feed(chunk) if form else [chunk]:
            yield piece
    if form:
        form.finish()
