"""The answer to a list: looked up, written and sent a slice at a time, with others' turns between."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from pydantic import TypeAdapter
from starlette.responses import Response

from heavylift.api.download import Download
from heavylift.service.ports import Page

SLICE: Final = 200
"""Entries that are written in one turn of the event loop: three milliseconds. A page of 10,000 in one piece
made everybody wait for a quarter of a second."""

_text: Final = TypeAdapter(str | None)


class Entry(Protocol):
    """What a list holds, as the wire shows it."""

    id: str

    def model_dump_json(self) -> str: ...


T = TypeVar("T")

Fetch = Callable[[Page], Awaitable[Sequence[T]]]


async def listing(
    page: Page, shown: int, fetch: Fetch[T], show: Callable[[T], Entry], *, headers: Mapping[str, str]
) -> Response:
    """The list object of `shown` entries at most, as JSON.

    A short one is sent whole. Of a long one, no more than a slice is in memory, however slowly it
    is taken.
    """
    pieces = _pieces(page, shown, fetch, show)
    first = await anext(pieces)
    second = await anext(pieces, None)
    if second is None:
        return Response(first, headers=headers, media_type="application/json")
    return await Download.begin(
        _chained(first, second, pieces), 200, {**headers, "Content-Type": "application/json"}
    )


async def _chained(first: bytes, second: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    try:
        yield first
        yield second
        async for piece in rest:
            yield piece
    finally:
        await rest.aclose()


async def _pieces(
    page: Page, shown: int, fetch: Fetch[T], show: Callable[[T], Entry]
) -> AsyncGenerator[bytes]:
    """The object in pieces: the last of its entries come together with its end."""
    first_id = last_id = None
    left, after, begin = shown, page.after, '{"object":"list","data":['
    while True:
        asked = min(SLICE, left + 1)  # one more than is shown, where they end, tells whether there are others
        found = await fetch(Page(limit=asked, after=after, ascending=page.ascending))
        entries = [show(one) for one in found[:left]]
        left -= len(entries)
        if entries:
            first_id, last_id = first_id or entries[0].id, entries[-1].id
            text = begin + ",".join(entry.model_dump_json() for entry in entries)
            begin, after = ",", last_id
        else:
            text = "" if begin == "," else begin
        if len(found) < asked or len(found) > len(entries):
            break
        yield text.encode()
    more = "true" if len(found) > len(entries) else "false"
    ids = f'"first_id":{_json(first_id)},"last_id":{_json(last_id)}'
    yield f'{text}],{ids},"has_more":{more}}}'.encode()


def _json(text: str | None) -> str:
    return _text.dump_json(text).decode()
