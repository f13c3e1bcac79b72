"""What a request for bytes gets, in the order of RFC 9110 13.2.2, and how many conditions are looked at."""

from typing import Any

import pytest

from heavylift.api.ranges import Selected, Unsatisfiable, http_date, http_seconds, parse_range, select
from heavylift.domain.errors import PreconditionFailed
from tests.api.conftest import NOW, Service, error_of

ETAG = '"here"'
SIZE = 10
MADE = 784_111_777
THEN, BEFORE, LATER = http_date(MADE), http_date(MADE - 1), http_date(MADE + 1)
WHOLE, PART, UNCHANGED = Selected(200, 0, 10), Selected(206, 2, 5), Selected(304, 0, 0)


def chosen(*headers: tuple[str, str], **more: Any) -> Selected:
    return select(headers, size=SIZE, etag=ETAG, last_modified=MADE, **more)


RANGE = ("range", "bytes=2-4")
CHOICES = [
    ([], WHOLE),
    ([RANGE], PART),
    ([RANGE, RANGE], WHOLE),
    ([("if-none-match", ETAG), RANGE], UNCHANGED),
    ([("if-none-match", '"other"'), ("if-modified-since", LATER), RANGE], PART),
    ([("if-none-match", '"a"'), ("if-none-match", ETAG)], UNCHANGED),
    ([("if-modified-since", THEN)], UNCHANGED),
    ([("if-modified-since", LATER), RANGE], UNCHANGED),
    ([("if-modified-since", BEFORE), RANGE], PART),
    ([("if-modified-since", "yesterday"), RANGE], PART),
    ([("if-modified-since", THEN), ("if-modified-since", THEN)], WHOLE),
    ([("if-unmodified-since", THEN), RANGE], PART),
    ([("if-unmodified-since", "never"), RANGE], PART),
    ([("if-match", ETAG), ("if-unmodified-since", BEFORE), RANGE], PART),
    ([("if-match", '"a"'), ("if-match", ETAG)], WHOLE),
    ([("if-range", ETAG), RANGE], PART),
    ([("if-range", '"other"'), RANGE], WHOLE),
    ([("if-range", THEN), RANGE], PART),
    ([("if-range", LATER), RANGE], WHOLE),
    ([("if-range", '"other"')], WHOLE),
]


@pytest.mark.parametrize(("headers", "selected"), CHOICES)
def test_conditions_are_asked_in_the_order_of_the_standard(
    headers: list[tuple[str, str]], selected: Selected
) -> None:
    assert chosen(*headers) == selected
    if selected == PART:
        assert chosen(*headers, ranged=False) == WHOLE


@pytest.mark.parametrize(
    ("headers", "param"),
    [
        ([("if-match", '"other"'), ("if-none-match", ETAG)], "If-Match"),
        ([("if-match", f"W/{ETAG}"), RANGE], "If-Match"),
        ([("if-unmodified-since", BEFORE), ("if-none-match", ETAG)], "If-Unmodified-Since"),
    ],
)
def test_a_precondition_that_fails_comes_before_all_else(headers: list[tuple[str, str]], param: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        chosen(*headers)
    assert refused.value.param == param


@pytest.mark.parametrize(
    "date",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_a_date_may_have_each_of_three_forms(date: str) -> None:
    assert http_seconds(date) == MADE


@pytest.mark.parametrize(
    "date",
    ["", "784111777", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 28:49:37 GMT", "x" * 5000,
     "Sun, 06 Nov 1994 08:49:37 +0100", "Sun, 06 Nov 1994 08:49:37", "06 Nov 1994 08:49:37 GMT"],
)  # fmt: skip
def test_what_is_no_date_is_none(date: str) -> None:
    assert http_seconds(date) is None


def test_more_ranges_than_a_reader_needs_are_ignored() -> None:
    assert parse_range("bytes=" + ",".join(["2-4"] * 100), SIZE) is not None
    assert parse_range("bytes=" + ",".join(["2-4"] * 101), SIZE) is None
    assert parse_range("bytes=" + "," * 60_000 + "2-4", SIZE) is None
    with pytest.raises(Unsatisfiable):
        parse_range("bytes=" + ",".join(["20-"] * 100), SIZE)


def test_more_tags_than_a_reader_needs_name_nothing() -> None:
    tags = ", ".join([*(f'"{number}"' for number in range(100)), ETAG])
    assert chosen(("if-none-match", tags)) == WHOLE
    with pytest.raises(PreconditionFailed):
        chosen(("if-match", tags))


async def test_head_has_no_use_for_a_range_and_every_use_for_a_condition(service: Service) -> None:
    path = f"/v1/files/{await service.file(b'hello')}/content"
    for ranges in ("bytes=1-2", "bytes=50-"):
        answer = await service.client.head(path, headers={"Range": ranges})
        assert (answer.status_code, answer.headers["content-length"]) == (200, "5")
        assert "content-range" not in answer.headers
    later = {"If-Modified-Since": http_date(int(NOW))}
    for method in ("GET", "HEAD"):
        answer = await service.client.request(method, path, headers=later)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"]
    before = {"If-Unmodified-Since": http_date(int(NOW) - 1), "Range": "bytes=50-"}
    error = error_of(await service.client.get(path, headers=before), 412)
    assert error["param"] == "If-Unmodified-Since"
