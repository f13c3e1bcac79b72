"""Nearly valid streams in pieces of every size: what is taken, and how it is framed, is what h11 says."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.api.fuzz import EXPLAINED, fuzz, judged, quiet
from tests.api.streams import Ours, Referee

SHARE = 500
"""Streams of each of four runs. `make fuzz` takes a million."""


@pytest.fixture(autouse=True)
def no_lines() -> Iterator[None]:
    before = structlog.get_config()
    quiet()
    yield
    structlog.configure(**before)
    logging.captureWarnings(False)


@pytest.mark.parametrize("seed", [0, 10_000, 20_000, 30_000])
def test_what_is_taken_and_how_it_is_framed_is_what_h11_says(seed: int) -> None:
    found = fuzz(seed, SHARE)
    assert found.total() == SHARE
    assert found["the same"] > SHARE // 2


def judge(data: bytes) -> str:
    ours, theirs = Ours(), Referee()
    ours.take(data)
    theirs.take(data)
    return judged(data, ours, theirs)


EMPTY_LINE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (EMPTY_LINE, "an empty line before a request"),
        (CHUNKED + b"Transfer-Encoding: x\r\n\r\n", "a transfer coding among the trailers"),
        (CHUNKED + b"Content-Length: x\r\n\r\n", "a length among the trailers"),
    ],
)
def test_every_explanation_is_needed(data: bytes, name: str) -> None:
    assert judge(data) == name
    assert name in EXPLAINED


def test_the_judge_sees_a_difference() -> None:
    ours, theirs = Ours(), Referee()
    ours.take(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
    theirs.take(b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises(AssertionError, match="framed differently"):
        judged(b"", ours, theirs)


@pytest.mark.parametrize(
    "line",
    [b"GET  / HTTP/1.1", b"GET /  HTTP/1.1", b"GET / HTTP/1.1 ", b"GET\t/ HTTP/1.1", b" GET / HTTP/1.1"],
)
def test_the_line_of_a_request_has_one_space_between_its_words(line: bytes) -> None:
    ours = Ours()
    ours.take(line + b"\r\nHost: x\r\n\r\n")
    assert (ours.requests, ours.refused) == ([], 400)
