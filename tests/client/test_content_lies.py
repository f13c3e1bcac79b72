"""Content as it comes: the range that was asked for, of one state, gone on with when it breaks."""

import gzip
from typing import Any

import pytest

from heavylift import RetryConfig, errors
from heavylift.client import checksums
from tests.client.fetching import BYTES, CONTENT, META, Fetcher, ranged
from tests.support.answers import Answer, Asked, chunked, partial, zipped

ETAG = f'"{checksums.extend(0, CONTENT):016x}"'


@pytest.mark.parametrize(
    ("start", "end"), [(0, None), (0, 10), (5, 10), (50_199, None), (7, 7), (50_000, 99_999), (0, 50_200)]
)
@pytest.mark.parametrize("ranges", [True, False])
def test_a_range_is_what_a_slice_would_be(fetcher: Fetcher, start: int, end: int | None, ranges: bool):
    fetcher.server.extensions = ranges
    assert b"".join(fetcher.blocks(start=start, end=end)) == CONTENT[start:end]


@pytest.mark.parametrize(
    "wishes",
    [
        {"start": -1},
        {"end": -5},
        {"start": 10, "end": 5},
        {"size": 0},
        {"size": -1},
        {"start": "5"},
        {"end": 1.5},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_a_validation_error(fetcher: Fetcher, wishes: dict[str, Any]):
    with pytest.raises(errors.SDKValidationError):
        fetcher.blocks(**wishes)
    assert fetcher.server.requests == []


LIES = {
    "another": partial(CONTENT, 0, 4),
    "shifted": partial(CONTENT, 4, 9),
    "longer": partial(CONTENT, 5, 12),
    "none told": Answer(status=206, body=CONTENT[5:10]),
    "too short": Answer(status=206, headers={"content-range": "bytes 5-9/50200"}, body=b"abc"),
    "too long": Answer(status=206, headers={"content-range": "bytes 5-9/50200"}, body=b"a" * 50),
    "no content": Answer(status=204, headers={"content-length": None}),
}


@pytest.mark.parametrize("kind", LIES)
def test_another_range_is_refused(fetcher: Fetcher, kind: str):
    fetcher.server.answers(BYTES, LIES[kind], forever=True)
    with pytest.raises(errors.CorruptedError):
        fetcher.blocks(start=5, end=10)
    assert fetcher.server.count(BYTES) == 1


def test_a_part_of_it_where_all_was_asked_for_is_refused(fetcher: Fetcher):
    fetcher.server.answers(BYTES, partial(CONTENT, 0, 100), forever=True)
    with pytest.raises(errors.CorruptedError):
        fetcher.blocks()


@pytest.mark.parametrize("by", ["FIN", "RST"])
@pytest.mark.parametrize(("start", "end"), [(0, None), (3_000, None), (3_000, 45_000)])
def test_a_broken_connection_is_gone_on_with(fetcher: Fetcher, by: Any, start: int, end: int | None):
    cut = Answer(headers={"etag": ETAG}, body=CONTENT, cut=20_500, by=by)

    def cut_again(asked: Asked) -> Answer:
        rest = ranged(CONTENT, asked, etag=ETAG)
        return Answer(status=206, headers=rest.headers, body=rest.body, cut=9_999, by=by)

    first = cut if not start else cut_again
    fetcher.server.answers(BYTES, first, cut_again, Answer(headers={"etag": ETAG}, body=CONTENT))
    blocks = fetcher.blocks(1000, start=start, end=end)
    assert b"".join(blocks) == CONTENT[start:end]
    again = fetcher.server.matching(BYTES)[1:]
    assert len(again) == 2
    assert {asked.headers["if-range"] for asked in again if asked.range} == {ETAG}


def test_what_is_gone_on_with_is_the_same_file(fetcher: Fetcher):
    def other(asked: Asked) -> Answer:
        return ranged(CONTENT[::-1], asked, etag='"other"')

    fetcher.server.answers(BYTES, Answer(headers={"etag": ETAG}, body=CONTENT, cut=20_500), other)
    with pytest.raises(errors.FileChangedError):
        fetcher.blocks(1000)


def test_without_anything_to_compare_it_is_not_gone_on_with(fetcher: Fetcher):
    fetcher.server.answers(BYTES, Answer(body=CONTENT, cut=20_500), forever=True)
    with pytest.raises(errors.ConnectionError):
        fetcher.blocks(1000)
    assert fetcher.server.count(BYTES) == 1


def test_who_wants_no_retries_gets_none(fetcher: Fetcher):
    fetcher.setting["retry_config"] = RetryConfig("none")
    fetcher.server.answers(BYTES, Answer(headers={"etag": ETAG}, body=CONTENT, cut=20_500))
    with pytest.raises(errors.ConnectionError):
        fetcher.blocks(1000)


@pytest.mark.parametrize("most", [0, 1])
def test_who_wants_few_retries_gets_no_more(fetcher: Fetcher, most: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("heavylift.client.content.PAUSE_SECONDS", 0.001)
    fetcher.setting["retry_config"] = RetryConfig(max_retries=most)
    fetcher.server.answers(BYTES, Answer(headers={"etag": ETAG}, body=CONTENT, cut=1), forever=True)
    with pytest.raises(errors.ConnectionError):
        fetcher.blocks(1000)
    assert fetcher.server.count(BYTES) == 1 + most


def test_a_connection_that_breaks_on_and_on_is_given_up(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("heavylift.client.content.PAUSE_SECONDS", 0.001)
    fetcher.server.answers(BYTES, Answer(headers={"etag": ETAG}, body=CONTENT, cut=1), forever=True)
    with pytest.raises(errors.ConnectionError):
        fetcher.blocks(1000)
    assert fetcher.server.count(BYTES) == 6


@pytest.mark.parametrize("known", [True, False], ids=["length told", "chunked"])
def test_a_coding_of_the_way_is_undone(fetcher: Fetcher, known: bool):
    packed = gzip.compress(CONTENT)
    coded = chunked(packed)
    answer = (
        zipped(CONTENT)
        if known
        else Answer(headers={**coded.headers, "content-encoding": "gzip"}, body=coded.body)
    )
    fetcher.server.answers(BYTES, answer, forever=True)
    assert b"".join(fetcher.blocks()) == CONTENT


def test_a_zipped_file_with_a_coding_stays_zipped(fetcher: Fetcher):
    packed = gzip.compress(CONTENT)
    fetcher.content(packed)
    fetcher.server.answers(BYTES, Answer(headers={"content-encoding": "gzip"}, body=packed), forever=True)
    assert b"".join(fetcher.blocks()) == packed
    assert fetcher.server.count(META) == 1


def test_metadata_is_asked_for_only_where_a_coding_is_named(fetcher: Fetcher):
    fetcher.blocks()
    assert fetcher.server.count(META) == 0
