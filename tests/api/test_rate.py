"""Requests a minute: counted over a sliding window, by a clock that nobody sets."""

import time
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heavylift.api.rate import RateLimit
from heavylift.domain.errors import RateLimited


class Ticks:
    """A clock of the test's own."""

    now = 1_000_003.0

    def __call__(self) -> float:
        return self.now


def passed(limit: RateLimit, times: int, project: str = "p") -> int:
    """How many of so many requests are taken."""
    taken = 0
    for _ in range(times):
        try:
            limit.hit(project)
        except RateLimited:
            continue
        taken += 1
    return taken


def told(limit: RateLimit) -> float:
    """How long the next request has to wait. Where it has not to, it was taken."""
    try:
        limit.hit("p")
    except RateLimited as refused:
        return refused.retry_after
    return 0


def test_a_minute_takes_what_it_may_and_each_project_has_its_own() -> None:
    ticks = Ticks()
    limit = RateLimit(5, ticks=ticks)
    assert (passed(limit, 9), passed(limit, 9, "q")) == (5, 5)
    ticks.now += 120
    assert passed(limit, 9) == 5
    assert passed(RateLimit(0, ticks=ticks), 1000) == 1000


@given(st.lists(st.tuples(st.floats(0, 90), st.integers(1, 8)), max_size=20), st.integers(1, 6))
def test_whoever_waits_as_long_as_told_is_taken(steps: list[tuple[float, int]], most: int) -> None:
    ticks = Ticks()
    limit = RateLimit(most, ticks=ticks)
    for pause, times in steps:
        ticks.now += pause
        for _ in range(times):
            if waits := told(limit):
                ticks.now += waits
                assert told(limit) == 0


@given(st.lists(st.floats(0, 20), max_size=60), st.integers(1, 6))
def test_no_sixty_seconds_take_more_and_nobody_waits_longer(pauses: list[float], most: int) -> None:
    ticks, taken = Ticks(), list[float]()
    limit = RateLimit(most, ticks=ticks)
    for pause in pauses:
        ticks.now += pause
        waits = told(limit)
        assert waits <= 60
        if not waits:
            assert sum(ticks.now - one < 59.9 for one in taken) < most
            taken.append(ticks.now)


@pytest.mark.parametrize("into", range(0, 60, 6))
def test_whenever_a_minute_begins_the_wait_is_a_minute(into: int) -> None:
    ticks = Ticks()
    ticks.now += into
    limit = RateLimit(4, ticks=ticks)
    assert passed(limit, 4) == 4
    assert told(limit) == 60


def test_a_clock_that_is_set_back_or_forward_changes_nothing() -> None:
    limit = RateLimit(2)
    assert passed(limit, 5) == 2
    for moved in (-86_400, 86_400):
        with patch("time.time", return_value=time.time() + moved):
            assert passed(limit, 5) == 0
    with pytest.raises(RateLimited, match="Wait as long as Retry-After says"):
        limit.hit("p")
