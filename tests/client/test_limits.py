"""`limit` is at most so many of all pages together, whatever pages the server makes."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from heavylift import funcs
from heavylift.client.paging import MOST_IN_A_PAGE
from tests.client.both import Both
from tests.support.answers import Answer, Asked

FILES = [f"file-{number}" for number in range(7)]


def serve(both: Both, *, most: int, obedient: bool = True) -> None:
    """Lists of FILES in pages of so many at most; not obedient: it does not know `limit`."""

    def page(asked: Asked) -> Answer:
        after = re.search(r"after=([\w-]+)", asked.path)
        limit = re.search(r"limit=(\d+)", asked.path)
        begin = FILES.index(after[1]) + 1 if after else 0
        size = min(most, int(limit[1])) if limit and obedient else most
        found = FILES[begin : begin + size]
        data = [{"id": each} for each in found]
        body = json.dumps({"data": data, "has_more": begin + size < len(FILES)})
        return Answer(headers={"content-type": "application/json"}, body=body.encode())

    both.server.answers(r"GET /files.*", page, forever=True)


def listed(both: Both, ask: Callable[[Any], Any]) -> list[str]:
    if both.kind == "blocking":
        return [str(item.id) for item in both.do(lambda client: list(ask(client)))]

    async def gathered(client: Any) -> list[str]:
        return [item.id async for item in ask(client)]

    return list(both.do(gathered))


@pytest.mark.parametrize("obedient", [True, False])
@pytest.mark.parametrize(("limit", "most"), [(1, 3), (3, 3), (4, 3), (6, 3), (7, 3), (9, 3), (5, 100)])
def test_a_list_has_at_most_so_many(both: Both, limit: int, most: int, obedient: bool) -> None:
    serve(both, most=most, obedient=obedient)
    assert listed(both, lambda client: client.files.list_files(limit=limit)) == FILES[:limit]
    assert listed(both, lambda client: client.files.list_files({"limit": limit})) == FILES[:limit]
    pages = -(-min(limit, len(FILES)) // most)
    assert both.server.count(r"GET /files.*") == 2 * pages, "no page is asked for that is not needed"


def test_what_is_not_wanted_is_not_asked_for(both: Both) -> None:
    serve(both, most=3)
    listed(both, lambda client: client.files.list_files(limit=4))
    assert both.server.asked == ["GET /files?limit=4", "GET /files?limit=1&after=file-2"]


def test_more_than_a_page_may_hold_is_asked_for_in_several(both: Both) -> None:
    serve(both, most=5)
    assert listed(both, lambda client: client.files.list_files(limit=MOST_IN_A_PAGE + 1)) == FILES
    assert f"limit={MOST_IN_A_PAGE}" in both.server.asked[0]


def test_without_a_limit_everything_comes(both: Both) -> None:
    serve(both, most=2)
    assert listed(both, lambda client: client.files.list_files()) == FILES
    assert "limit" not in both.server.asked[0]


def test_a_function_gives_one_page(both: Both) -> None:
    serve(both, most=100)
    page = both.do(lambda client: funcs.files_list_files(client, limit=2)).unwrap()
    assert [file.id for file in page] == FILES[:2]
