"""Bodies that are small: taken in whole and looked at once, without a stream around them."""

from starlette.requests import Request

from heavylift.api.body import Patience, chunks, read_all
from heavylift.api.multipart import PartForm, part_payload
from heavylift.api.shares import Place
from heavylift.service.ports import Incoming, Take

MOST = 64 * 1024
"""Bytes of a small body. With the default of 64 bodies at once, 4 MiB."""


def small(request: Request, patience: Patience, place: Place, form: PartForm | None = None) -> Incoming:
    """The body, or the one field of `form` in it. As `intake.incoming`, for at most MOST bytes."""

    async def gather(take: Take) -> None:
        body = await read_all(request, limit=MOST, patience=patience, place=place)
        if form is None:
            take([body])
            return
        take(form.feed(body))
        form.finish()

    body = chunks(request, patience, place)
    return Incoming(chunks=part_payload(body, form) if form else body, gather=gather)
