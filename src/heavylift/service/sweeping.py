"""The sweeper in the background: round after round, in one process at a time.

Processes take turns by a lease in the catalog. It spares work, and nothing but that depends on it.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from heavylift.service.ports import Catalog, Clock
from heavylift.service.sweeper import Sweeper, Swept

LEASE = "sweep"
"""The name of the lease."""

LEASE_INTERVALS = 1.5
"""How long it is held without being prolonged: past the next round, for less than two."""

LOOK_SECONDS = 2.0
"""How often the holder of the lease asks whether garbage is due, which any process may have left. It is one
look into an index, and reaches further than a signal of the database would: that needs a session of its own,
which some poolers do not give."""


class LeaseLost(Exception):
    """A round took so long between two steps that another process has begun one: this one ends."""


async def _agreed() -> None:
    """Where there is but one clock."""


class Sweeping:
    """Rounds of `sweeper` at every `interval` (seconds), as long as no other process does them.

    `agree` is awaited before each: what it raises keeps this process from sweeping. `report` hears what a
    round did, `complain` what kept it from doing it. `ticks` is a clock that nobody sets.
    """

    def __init__(
        self,
        sweeper: Sweeper,
        catalog: Catalog,
        *,
        clock: Clock,
        ticks: Clock = time.monotonic,
        interval: float,
        agree: Callable[[], Awaitable[None]] = _agreed,
        report: Callable[[Swept], None] = lambda _: None,
        complain: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        self._sweeper = sweeper
        self._catalog = catalog
        self._clock = clock
        self._ticks = ticks
        self._interval = interval
        self._agree = agree
        self._report = report
        self._complain = complain
        self._holder = secrets.token_hex(8)
        self._nudged = asyncio.Event()
        self._prolong_at = 0.0

    def wake(self) -> None:
        """There is something to reclaim: do not wait for the next round."""
        self._nudged.set()

    async def run(self) -> None:
        """Round after round until cancelled. Orphans are looked for when no process has for a while."""
        try:
            while True:
                self._nudged.clear()
                await self._rest(holding=await self._turn())
        finally:
            await self._let_go()

    async def _turn(self) -> bool:
        """A round, if it is this process's. Whether it is, and went to its end: what kept it from that, a
        store that is away, would keep every look at the garbage from it, too."""
        try:
            await self._agree()
            if not await self._lease():
                return False
            search = await self._sweeper.search_is_due()
            self._report(await self._sweeper.round(orphans=search, step=self._keep))
        except Exception as error:  # a sweeper that dies leaks for ever: say what happened, go on
            self._complain(error)
            return False
        return True

    async def _rest(self, *, holding: bool) -> None:
        """Until the next round, or what brings it forward."""
        loop = asyncio.get_running_loop()
        pause = self._interval * random.uniform(0.8, 1.2)  # noqa: S311 - workers spread, no secret
        until = loop.time() + pause
        while (left := until - loop.time()) > 0:
            with suppress(TimeoutError):
                # Not wait_for: Python 3.11's loses a cancellation that comes together with a nudge.
                async with asyncio.timeout(min(left, LOOK_SECONDS) if holding else left):
                    await self._nudged.wait()
                    return
            if holding and await self._is_called():
                return

    async def _is_called(self) -> bool:
        try:
            return await self._sweeper.garbage_is_due()
        except Exception as error:
            self._complain(error)
            return False

    async def _lease(self) -> bool:
        """Whether it is this process that sweeps, for so long from now on."""
        now = self._clock()
        self._prolong_at = self._ticks() + self._interval / 2
        until = now + LEASE_INTERVALS * self._interval
        return await self._catalog.take_lease(LEASE, self._holder, now=now, until=until)

    async def _keep(self) -> None:
        """Prolong the lease in the middle of a round. Raises LeaseLost."""
        if self._ticks() >= self._prolong_at and not await self._lease():
            raise LeaseLost("another process has begun to sweep, and this one stops")

    async def _let_go(self) -> None:
        """Whoever comes next need not wait for the lease to end."""
        try:
            now = self._clock()
            await self._catalog.take_lease(LEASE, self._holder, now=now, until=now)
        except Exception as error:
            self._complain(error)
