"""The time by the clock that all processes of an installation have in common, the database's; ids by it."""

import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from heavylift.domain import ids
from heavylift.service.ports import Catalog, Clock, StorageDown

Ask = Callable[[], Coroutine[Any, Any, float]]
Agree = Callable[[], Coroutine[Any, Any, None]]

TOLERATED = 5.0
"""Seconds by which a process's own clock may differ before it is told. Nothing is judged by that clock, but
one that is wrong is the sign of a machine that cannot be relied on."""


STEP = 2e-6
"""Seconds between two ids that follow each other: more than the microsecond by which they are told apart."""


class ClockAstray(StorageDown):
    """This machine's clock is wrong. The message says by how much."""


class SharedClock:
    """Tells the database's time without asking it each time: what it said last, and what has passed since.

    `ask` gives the time by that clock, `own` is this machine's, `passed` one that is never set.
    """

    def __init__(self, ask: Ask, *, own: Clock = time.time, passed: Clock = time.monotonic) -> None:
        self._ask = ask
        self._own = own
        self._passed = passed
        self._base = own() - passed()

    def __call__(self) -> float:
        return self._base + self._passed()

    async def agree(self) -> None:
        """Set it by the database's. Raises ClockAstray if this machine's own is wrong, StorageDown."""
        before = self._passed()
        said = await self._ask()
        middle = (before + self._passed()) / 2
        self._base = said - middle
        ahead = self._own() - self()
        if abs(ahead) > TOLERATED + (self._passed() - before):
            way = "ahead of" if ahead > 0 else "behind"
            raise ClockAstray(
                f"The clock of this machine is {abs(ahead):.0f} seconds {way} the database's, by which"
                " everything is judged. It does not sweep before that is set right: does NTP run?"
            )


class Numbering:
    """Makes the ids of one process. Each sorts behind the one before, and behind those `newest` at the start,
    whatever the clock is set to meanwhile: who follows a list by its cursor misses nothing made later."""

    def __init__(self, clock: Clock, newest: Iterable[str] = ()) -> None:
        self._clock = clock
        self._last = max(map(ids.moment_of, newest), default=0.0)

    def __call__(self, prefix: str) -> str:
        """A fresh id."""
        self._last = max(self._clock(), self._last + STEP)
        return ids.new_id(prefix, now=self._last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timekeeping:
    """What everything is judged by, what sets it anew and raises ClockAstray where this machine's own
    clock is wrong, and what makes ids."""

    clock: Clock
    agree: Agree
    numbering: Numbering


async def keep_time(catalog: Catalog, given: Clock | None = None) -> Timekeeping:
    """The clock that all who share this catalog judge by: its own, if it keeps one; `given` goes before it.

    Raises StorageDown. A clock that is astray is told by `agree`.
    """
    newest = await catalog.newest()
    if given is not None or not catalog.keeps_time:
        clock = given or time.time
        return Timekeeping(clock=clock, agree=_agreed, numbering=Numbering(clock, newest))
    shared = SharedClock(catalog.now)
    with suppress(ClockAstray):
        await shared.agree()
    return Timekeeping(clock=shared, agree=shared.agree, numbering=Numbering(shared, newest))


async def _agreed() -> None:
    """Where there is but one clock."""
