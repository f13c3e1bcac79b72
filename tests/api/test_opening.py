"""Stores that cannot be opened for now, or for a reason that nobody has foreseen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from heavylift.api import opening
from heavylift.api.context import Context
from heavylift.api.opening import Opening
from heavylift.domain.errors import StorageUnavailable

AWAY: dict[type[Exception], str] = {ConnectionError: "They do not answer."}
CONTEXT = cast("Context", object())


class Attempts:
    """What each attempt to open comes to; the first waits until it is `released`."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self.outcomes = list(outcomes)
        self.released = asyncio.Event()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Context]:
        await self.released.wait()
        outcome = self.outcomes.pop(0)
        if outcome is not None:
            raise outcome
        yield CONTEXT


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "PAUSE", 0.0)


async def until_open(stores: Opening) -> Context:
    async with asyncio.timeout(60):
        while True:
            try:
                return stores.context
            except StorageUnavailable:
                await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("error", "event", "level"),
    [
        (ConnectionError("port closed"), "stores.away", "warning"),
        (ValueError("odd"), "stores.failed", "error"),
    ],
)
async def test_what_fails_after_the_start_is_logged_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception, event: str, level: str
) -> None:
    monkeypatch.setattr(opening, "FIRST_SECONDS", 0.001)
    attempts = Attempts(error, None)
    with capture_logs() as logged:
        async with Opening(attempts, away=AWAY) as stores:
            with pytest.raises(StorageUnavailable, match="have not answered yet"):
                _ = stores.context
            attempts.released.set()
            assert await until_open(stores) is CONTEXT
    told: list[dict[str, Any]] = [dict(line) for line in logged]
    assert [(line["event"], line["log_level"]) for line in told] == [(event, level), ("stores.open", "info")]


async def test_what_nobody_has_foreseen_ends_a_start() -> None:
    attempts = Attempts(ValueError("odd"))
    attempts.released.set()
    with pytest.raises(ValueError, match="odd"):
        async with Opening(attempts, away=AWAY):
            pass
