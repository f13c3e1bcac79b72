"""Conformance cases 100 to 108: lists of Files."""

from typing import Any

import httpx2
import pytest

from heavylift.api.listing import SLICE
from tests.e2e.clocked import Clocked
from tests.e2e.wire import Json, add_file, add_part, create, good, refused
from tests.installations import COMBINATIONS

pytestmark = pytest.mark.stores(*COMBINATIONS)


def listed(api: httpx2.Client, **query: Any) -> Json:
    return good(api.get("/files", params=query))


def names(page: Json) -> list[str]:
    return [file["filename"] for file in page["data"]]


def test_case_100_a_list_is_newest_first(alone: httpx2.Client) -> None:
    for name in ("a", "b", "c"):
        add_file(alone, filename=name)
    page = listed(alone)
    assert page["object"] == "list"
    assert names(page) == ["c", "b", "a"]
    assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
    assert page["has_more"] is False


def test_case_101_order_is_asc_or_desc(alone: httpx2.Client) -> None:
    for name in ("a", "b"):
        add_file(alone, filename=name)
    assert names(listed(alone, order="asc")) == ["a", "b"]
    assert names(listed(alone, order="desc")) == ["b", "a"]
    assert names(listed(alone, order="")) == ["b", "a"]  # says nothing, as a form sent unfilled
    for other in ("up", "ASC", " "):
        found = alone.get("/files", params={"order": other})
        refused(found, 400, code=None, param="order", says="'asc', 'desc'")


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_case_102_pages_give_every_file_once(alone: httpx2.Client, order: str) -> None:
    for name in ("a", "b", "c"):
        add_file(alone, filename=name)
    found, after = [], {}
    for more in (True, True, False):
        page = listed(alone, limit=1, order=order, **after)
        assert page["has_more"] is more
        found += names(page)
        after = {"after": page["last_id"]}
    assert found == (["a", "b", "c"] if order == "asc" else ["c", "b", "a"])
    assert listed(alone, order=order, **after)["data"] == []


@pytest.mark.parametrize("limit", ["0", "10001", "abc", "-1", "1.5", " ", "1e3", "9" * 40])
def test_case_103_a_limit_outside_its_range_is_refused(api: httpx2.Client, limit: str) -> None:
    found = api.get("/files", params={"limit": limit})
    assert refused(found, 400, code=None, param="limit") == "limit must be between 1 and 10000."


@pytest.mark.parametrize("limit", ["10000", ""])
def test_case_103_the_largest_limit_and_an_empty_one_are_taken(alone: httpx2.Client, limit: str) -> None:
    add_file(alone, filename="a")
    assert names(listed(alone, limit=limit)) == ["a"]


def test_case_103_a_page_of_several_slices_is_whole_on_the_wire(alone: httpx2.Client) -> None:
    upload = create(alone, 2 * SLICE + 1)["id"]
    parts = [add_part(alone, upload, b"x") for _ in range(2 * SLICE + 1)]
    for query in ({}, {"limit": 2 * SLICE}, {"limit": 2 * SLICE + 1}):
        page = good(alone.get(f"/uploads/{upload}/parts", params={**query, "order": "asc"}))
        shown = query.get("limit", len(parts))
        assert [part["id"] for part in page["data"]] == parts[:shown]
        assert page["has_more"] == (shown < len(parts))


def test_case_104_a_cursor_that_is_no_id_is_refused_and_a_gone_one_is_a_position(
    alone: httpx2.Client,
) -> None:
    for cursor in ("file-unknown", "upload_" + "0" * 22, " "):
        found = alone.get("/files", params={"after": cursor})
        refused(found, 404, code=None, param="after")
    add_file(alone, filename="a")
    assert names(listed(alone, after="")) == ["a"]
    assert names(listed(alone, after="file-" + "0" * 22, order="asc")) == ["a"]
    assert names(listed(alone, after="file-" + "0" * 22)) == []


def test_case_105_the_purpose_filters_and_an_unknown_one_finds_nothing(alone: httpx2.Client) -> None:
    add_file(alone, filename="a.jsonl", purpose="batch")
    add_file(alone, filename="b")
    assert names(listed(alone, purpose="batch")) == ["a.jsonl"]
    assert listed(alone, purpose="answers")["data"] == []


def test_case_106_an_empty_list_says_so(alone: httpx2.Client) -> None:
    empty = {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    assert listed(alone) == empty


def test_case_107_files_of_the_same_moment_are_neither_repeated_nor_skipped(
    timed: tuple[Clocked, httpx2.Client],
) -> None:
    _, api = timed
    files = {add_file(api)["id"] for _ in range(25)}
    assert len({file["created_at"] for file in listed(api)["data"]}) == 1
    found: list[str] = []
    page: Json = {"has_more": True}
    while page["has_more"]:
        page = listed(api, limit=4, **({"after": found[-1]} if found else {}))
        found += [file["id"] for file in page["data"]]
    assert len(found) == 25
    assert set(found) == files


def test_case_108_a_file_deleted_between_pages_does_not_break_the_next(alone: httpx2.Client) -> None:
    for name in ("a", "b", "c", "d"):
        add_file(alone, filename=name)
    page = listed(alone, limit=2)
    good(alone.delete(f"/files/{page['last_id']}"))
    assert names(listed(alone, limit=2, after=page["last_id"])) == ["b", "a"]
