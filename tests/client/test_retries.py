"""When to try again, and after how long."""

import re
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heavylift.client.retries import (
    RETRIED_CODES,
    BackoffStrategy,
    Failure,
    RetryConfig,
    pause_before_retry,
    retry_after_ms,
)
from tests.client.rig import MOMENT


def pause(
    status: int | None = 503, *, attempt: int = 0, config: RetryConfig | None = None, **changes: object
) -> float | None:
    given_headers = changes.pop("headers", {})
    asked: dict[str, object] = {"elapsed_ms": 0, "now": MOMENT, "dice": 0.0, **changes}
    failure = Failure(status=status, headers=given_headers)  # type: ignore[arg-type]
    return pause_before_retry(failure, config or RetryConfig(), attempt=attempt, **asked)  # type: ignore[arg-type]


def test_pauses_grow_by_the_exponent_from_the_initial_interval():
    assert [pause(attempt=attempt) for attempt in range(4)] == [500, 750, 1125, 1687.5]


def test_up_to_a_second_of_chance_is_added():
    assert pause(dice=0.5) == 1000


def test_no_pause_is_longer_than_the_longest_interval():
    assert pause(attempt=40) == 60_000
    assert pause(attempt=100_000) == 60_000


def test_it_gives_up_after_the_elapsed_time():
    assert pause(elapsed_ms=3_599_999) is not None
    assert pause(elapsed_ms=3_600_000) is None


def test_no_pause_reaches_beyond_the_time_that_is_left():
    assert pause(attempt=40, elapsed_ms=3_599_000) == 1000
    assert pause(elapsed_ms=3_599_000, headers={"retry-after": "2"}) is None


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507, 520, 525, 529])
def test_what_may_end_differently_is_retried(status: int):
    assert pause(status) is not None


def test_what_is_retried_is_what_the_page_of_errors_says():
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
    said = page.partition("## Which to repeat")[2].strip().partition(", which gateways")[0]
    said = re.sub(
        r"(\d+) to (\d+)", lambda span: " ".join(map(str, range(int(span[1]), int(span[2]) + 1))), said
    )
    assert sorted(re.findall(r"\b\d{3}\b", said)) == sorted(RETRIED_CODES)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 413, 499, 501, 505, 519, 530])
def test_other_statuses_are_final(status: int):
    assert pause(status) is None


def test_codes_may_be_named_and_may_be_families():
    assert pause(418, codes=["418"]) is not None
    assert pause(507, codes=["5XX"]) is not None
    assert pause(503, codes=[]) is None


def test_a_broken_connection_is_retried_unless_told_otherwise():
    assert pause(None) is not None
    assert pause(None, config=RetryConfig(retry_connection_errors=False)) is None


def test_the_strategy_none_never_retries():
    assert pause(503, config=RetryConfig("none")) is None
    assert pause(None, config=RetryConfig("none")) is None


def test_the_servers_word_wins_over_the_status():
    assert pause(503, headers={"x-should-retry": "false"}) is None
    assert pause(409, headers={"x-should-retry": "true"}) is not None


def test_retry_after_is_obeyed_in_all_three_forms():
    moment = format_datetime(MOMENT + timedelta(seconds=7), usegmt=True)
    assert pause(headers={"retry-after": "3"}) == 3000
    assert pause(headers={"retry-after-ms": "2500", "retry-after": "9"}) == 2500
    assert pause(headers={"retry-after": moment}) == 7000


@pytest.mark.parametrize("asked", ["0", "0.001", format_datetime(MOMENT - timedelta(days=7), usegmt=True)])
def test_what_the_server_asks_for_does_not_undo_the_growth(asked: str):
    assert [pause(attempt=attempt, headers={"retry-after": asked}) for attempt in range(3)] == [
        500,
        750,
        1125,
    ]


def test_all_who_were_told_the_same_do_not_come_back_at_once():
    assert pause(headers={"retry-after": "5"}, dice=0.25) == 5250


def test_what_the_server_asks_for_is_capped_too():
    assert pause(headers={"retry-after": "86400"}, config=RetryConfig(backoff=BackoffStrategy())) == 60_000


@pytest.mark.parametrize(
    "date", ["Mon, 01 Jan 0001 00:00:00 +2300", "Fri, 31 Dec 9999 23:59:59 -2300", "1e999"]
)
def test_absurd_dates_are_no_dates(date: str):
    assert pause(headers={"retry-after": date}) in {500, 60_000}


@settings(deadline=None)
@given(st.text())
def test_no_retry_after_however_odd_breaks_anything(text: str):
    found = retry_after_ms({"retry-after": text}, MOMENT)
    assert found is None or found >= 0


@settings(deadline=None)
@given(
    attempt=st.integers(0, 10_000),
    elapsed=st.floats(0, 10_000_000),
    dice=st.floats(0, 1, exclude_max=True),
    status=st.one_of(st.none(), st.integers(100, 599)),
)
def test_a_pause_is_never_negative_nor_above_the_cap(
    attempt: int, elapsed: float, dice: float, status: int | None
):
    found = pause(status, attempt=attempt, elapsed_ms=elapsed, dice=dice)
    assert found is None or 0 <= found <= 60_000
