"""Long lists: every entry once, whatever the slice; little in one turn, little in memory."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from heavylift.api.listing import SLICE, listing
from heavylift.domain import ids
from heavylift.service.ports import Page
from tests.api.conftest import Service


@dataclass
class Shown:
    id: str

    def model_dump_json(self) -> str:
        return json.dumps({"id": self.id})


class Shelf:
    """So many things, looked up page by page."""

    def __init__(self, count: int) -> None:
        self.all = [f"{number:06}" for number in range(count)]
        self.asked: list[int] = []

    async def fetch(self, page: Page) -> Sequence[str]:
        self.asked.append(page.limit)
        return [one for one in self.all if page.after is None or one > page.after][: page.limit]


async def body_of(answer: Any) -> tuple[dict[str, Any], list[int]]:
    """What is sent, and in pieces of which size. If the head says how long it is, it is."""
    sent: list[bytes] = []
    heads: list[dict[bytes, bytes]] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            heads.append(dict(message["headers"]))
        if message.get("body"):
            sent.append(message["body"])

    await answer({"type": "http"}, asyncio.Event().wait, send)
    [head] = heads
    assert int(head.get(b"content-length", sum(map(len, sent)))) == sum(map(len, sent))
    return json.loads(b"".join(sent)), [len(piece) for piece in sent]


@pytest.mark.parametrize("count", [0, 1, SLICE - 1, SLICE, SLICE + 1, 2 * SLICE, 2 * SLICE + 1, 1000])
@pytest.mark.parametrize("shown", [1, SLICE - 1, SLICE, SLICE + 1, 2 * SLICE, 10_000])
async def test_a_page_holds_what_there_is_up_to_its_limit_once_and_in_order(count: int, shown: int) -> None:
    shelf = Shelf(count)
    page = Page(limit=shown + 1, ascending=True)
    answer = await listing(page, shown, shelf.fetch, Shown, headers={})
    found, pieces = await body_of(answer)
    expected = shelf.all[:shown]
    assert [one["id"] for one in found["data"]] == expected
    assert (found["first_id"], found["last_id"]) == (
        (expected[0], expected[-1]) if expected else (None, None)
    )
    assert found["has_more"] == (count > shown)
    assert found["object"] == "list"
    assert max(shelf.asked) <= SLICE
    assert max(pieces) < 20 * SLICE + 200


async def test_an_answer_that_nobody_takes_has_looked_up_two_slices() -> None:
    shelf = Shelf(10_000)
    await listing(Page(limit=10_001, ascending=True), 10_000, shelf.fetch, Shown, headers={})
    assert len(shelf.asked) == 2


async def test_others_have_their_turn_between_slices(service: Service) -> None:
    for _ in range(2 * SLICE + 1):
        await service.file(b"x")
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    answer = await service.client.get("/v1/files?order=asc")
    counting.cancel()
    found = answer.json()
    assert len(found["data"]) == 2 * SLICE + 1
    assert [one["id"] for one in found["data"]] == sorted(one["id"] for one in found["data"])
    assert all(ids.is_id(ids.FILE, one["id"]) for one in found["data"])
    assert answer.headers["content-type"] == "application/json"
    assert turns >= 3
