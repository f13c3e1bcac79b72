"""Range and conditional requests against RFC 9110, and against a model that thinks in single bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heavylift.api.ranges import Unsatisfiable, http_date, if_match, if_none_match, if_range, parse_range
from heavylift.domain.files import Span

ETAG = '"0123-abc"'


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=2-4", Span(2, 5)),
        ("bytes=5-", Span(5, 10)),
        ("bytes=-3", Span(7, 10)),
        ("bytes=-99", Span(0, 10)),
        ("bytes=0-99", Span(0, 10)),
        ("bytes=3-" + "9" * 5000, Span(3, 10)),
        ("bytes=-" + "9" * 5000, Span(0, 10)),
        ("bytes=" + "0" * 5000 + "3-4", Span(3, 5)),
        ("Bytes = 2-4", Span(2, 5)),
        (" bytes=2-4 , ", Span(2, 5)),
        ("bytes=0-3,4-6", Span(0, 7)),
        ("bytes=4-6,0-3,2-5", Span(0, 7)),
        ("bytes=8-,-5", Span(5, 10)),
        ("bytes=2-4,50-60", Span(2, 5)),
    ],
)
def test_one_stretch_of_bytes_is_found(header: str, span: Span) -> None:
    assert parse_range(header, 10) == span


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=--3",
        "bytes=1",
        "bytes=4-2",
        "bytes=a-b",
        "bytes=1.5-2",
        "bytes=+1-2",
        "bytes=1 -2",
        "bytes=١-٢",
        "bytes=1-2-3",
        "bytes=1-2\n",
        "items=0-4",
        "bytes=0-1,4-2",
        "bytes=0-1,5-6",
        "bytes: 0-1",
    ],
)
def test_what_is_no_single_range_gives_the_whole(header: str | None) -> None:
    assert parse_range(header, 10) is None


@pytest.mark.parametrize(
    "header", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=" + "9" * 5000 + "-", "bytes=11-,-0"]
)
def test_a_range_without_a_byte_is_unsatisfiable(header: str) -> None:
    with pytest.raises(Unsatisfiable) as refusal:
        parse_range(header, 10)
    assert refusal.value.size == 10


def test_an_empty_body_is_served_whole() -> None:
    assert parse_range("bytes=0-", 0) is None
    assert parse_range("bytes=-5", 0) is None


numbers = st.integers(0, 14)
specs = st.tuples(numbers, numbers) | st.tuples(numbers, st.none()) | st.tuples(st.none(), numbers)


@given(st.lists(specs, min_size=1, max_size=4), st.integers(1, 12))
def test_ranges_select_the_bytes_that_a_simple_model_selects(ranges: list, size: int) -> None:
    wanted: set[int] = set()
    for first, last in ranges:
        if first is None:
            wanted |= set(range(size)[max(0, size - last) :])
        elif last is None:
            wanted |= set(range(size)[first:])
        else:
            wanted |= set(range(size)[first : last + 1])
    header = "bytes=" + ",".join(
        f"{'' if first is None else first}-{'' if last is None else last}" for first, last in ranges
    )
    malformed = any(first is not None and last is not None and last < first for first, last in ranges)
    in_one_piece = bool(wanted) and wanted == set(range(min(wanted), max(wanted) + 1))
    if not malformed and not wanted:
        with pytest.raises(Unsatisfiable):
            parse_range(header, size)
    elif malformed or not in_one_piece:
        assert parse_range(header, size) is None
    else:
        assert parse_range(header, size) == Span(min(wanted), max(wanted) + 1)


@given(st.text(max_size=30) | st.text(alphabet="bytes=0123456789-, \t", max_size=40), st.integers(0, 100))
def test_any_header_gives_a_span_inside_or_the_whole_or_a_refusal(text: str, size: int) -> None:
    for header in (text, f"bytes={text}"):
        try:
            span = parse_range(header, size)
        except Unsatisfiable:
            continue
        assert span is None or (span.stop is not None and 0 <= span.start < span.stop <= size)


@pytest.mark.parametrize(
    ("header", "weak", "strong"),
    [
        (ETAG, True, True),
        ("*", True, True),
        (f"W/{ETAG}", True, False),
        (f'"x", {ETAG}', True, True),
        (f'"x",W/"y" ,, {ETAG},', True, True),
        ('"a,b"', False, False),
        ('"x", "y"', False, False),
        ("", False, False),
        ("0123-abc", False, False),
        (f"{ETAG} junk", False, False),
        (f'"x, {ETAG}', False, False),
        (f"w/{ETAG}", False, False),
    ],
)
def test_lists_of_entity_tags_are_compared(header: str, weak: bool, strong: bool) -> None:
    assert if_none_match(header, ETAG) is weak
    assert if_match(header, ETAG) is strong


def test_without_a_condition_the_request_goes_on() -> None:
    assert if_range(None, etag=ETAG, last_modified=0)


@pytest.mark.parametrize(
    ("header", "counts"),
    [
        (ETAG, True),
        (f"W/{ETAG}", False),
        ('"other"', False),
        ("Sun, 06 Nov 1994 08:49:37 GMT", True),
        ("Sun, 06 Nov 1994 08:49:38 GMT", False),
        ("Sun, 06 Nov 1994 08:49:36 GMT", False),
        ("yesterday", False),
        ("", False),
        ("*", False),
    ],
)
def test_if_range_wants_this_very_body(header: str, counts: bool) -> None:
    assert if_range(header, etag=ETAG, last_modified=784_111_777) is counts


def test_dates_are_written_as_the_standard_shows_them() -> None:
    assert http_date(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT"
