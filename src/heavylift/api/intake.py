"""A request's payload, out of its envelope, by whichever way the server offers."""

from starlette.requests import Request

from heavylift.api.body import Patience, chunks, declared_length
from heavylift.api.lane import lane_of
from heavylift.api.multipart import PartForm, part_payload
from heavylift.api.shares import Place
from heavylift.service.ports import Incoming, Take


def incoming(request: Request, patience: Patience, place: Place, form: PartForm | None = None) -> Incoming:
    """The body, or the one field of `form` in it: pulled, and poured where there is a lane."""
    lane, length = lane_of(request), declared_length(request)
    body = chunks(request, patience, place)
    pulled = part_payload(body, form) if form else body
    if lane is None or length is None or not lane.can_receive():
        return Incoming(chunks=pulled)

    async def pour(take: Take) -> None:
        def consume(buffer: bytearray, count: int) -> int:
            place.received += count
            payload = form.feed(buffer, stop=count) if form else [memoryview(buffer)[:count]]
            take(payload)
            return sum(map(len, payload))

        await lane.receive(length, consume, patience)
        place.whole = True
        if form:
            form.finish()

    return Incoming(chunks=pulled, pour=pour)
