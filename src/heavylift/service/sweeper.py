"""Reclaims what nobody can ask for any more: never anything that a fact points at.

Every step is one transaction that several sweepers may take at once: each row is
handed to the garbage by exactly one of them, and deleting bytes twice is fine. In the
background they take turns all the same, by a lease in the catalog: it spares the work,
and nothing but that depends on it.
"""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from heavylift.domain.idempotency import KEPT_SECONDS
from heavylift.service.ownership import claim
from heavylift.service.ports import BlobStore, Catalog, Clock, Reclaimed

LEASE = "sweep"
"""The name of the lease that the sweeper in the background holds."""

LEASE_INTERVALS = 1.5
"""How long it is held without being prolonged: past the next round, for less than two."""

STEP = 200
"""Rows, and blobs, of one step: short enough that nobody waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When what is reclaimed. All in seconds."""

    interval: float
    """Between two rounds. A nudge brings the next one forward."""

    expiry_grace: float
    """After an Upload's deadline: a Part or a `complete` that began before it may still be running."""

    delete_grace: float
    """How long an expired file's bytes stay for downloads under way."""

    retention: float
    """How long a finished Upload can still be asked for, after its deadline."""

    orphan_interval: float
    """Between two searches for bytes that no fact points at: what a crash leaves."""

    orphan_grace: float
    """How long such bytes must have lain untouched: longer than any Part is in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one round reclaimed, or would reclaim: Uploads expired and forgotten, Files expired, blobs."""

    expired_uploads: int = 0
    forgotten_uploads: int = 0
    expired_files: int = 0
    orphans: int = 0
    deleted_blobs: int = 0


class Sweeper:
    """Rounds of reclaiming, by hand (`round`) or in the background (`run`).

    `report` hears what a round did, `complain` what kept it from doing it.
    """

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        *,
        clock: Clock,
        schedule: Schedule,
        report: Callable[[Swept], None] = lambda _: None,
        complain: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._clock = clock
        self._schedule = schedule
        self._report = report
        self._complain = complain
        self._holder = secrets.token_hex(8)
        self._nudged = asyncio.Event()

    def wake(self) -> None:
        """There is something to reclaim: do not wait for the next round."""
        self._nudged.set()

    async def run(self) -> None:
        """Round after round until cancelled, as long as no other process does it. Orphans are looked
        for at the start, then now and then."""
        try:
            await self._rounds()
        finally:
            await self._let_go()

    async def _rounds(self) -> None:
        search_at = self._clock()
        while True:
            self._nudged.clear()
            search = self._clock() >= search_at
            try:
                if await self._lease(LEASE_INTERVALS * self._schedule.interval):
                    self._report(await self.round(orphans=search))
                    if search:  # one that failed is tried again with the next round
                        search_at = self._clock() + self._schedule.orphan_interval
            except Exception as error:  # a sweeper that dies leaks for ever: say what happened, go on
                self._complain(error)
            pause = self._schedule.interval * random.uniform(0.8, 1.2)  # noqa: S311 - workers spread, no secret
            with suppress(TimeoutError):
                # Not wait_for: Python 3.11's loses a cancellation that comes together with a nudge.
                async with asyncio.timeout(pause):
                    await self._nudged.wait()

    async def _lease(self, seconds: float) -> bool:
        """Whether it is this process that sweeps, for so long."""
        now = self._clock()
        return await self._catalog.take_lease(LEASE, self._holder, now=now, until=now + seconds)

    async def _let_go(self) -> None:
        """Whoever comes next need not wait for the lease to end."""
        try:
            await self._lease(0)
        except Exception as error:
            self._complain(error)

    async def round(self, *, orphans: bool = True) -> Swept:
        """Reclaim everything that is due now."""
        now, plan = self._clock(), self._schedule
        uploads = await self._in_steps(
            lambda: self._catalog.expire_uploads(before=now - plan.expiry_grace, limit=STEP)
        )
        files = await self._in_steps(
            lambda: self._catalog.expire_files(before=now, due=now + plan.delete_grace, limit=STEP)
        )
        forgotten = await self._in_steps(
            lambda: self._catalog.forget_uploads(before=now - plan.retention, limit=STEP)
        )
        await self._in_steps(
            lambda: self._catalog.forget_idempotency_keys(before=now - KEPT_SECONDS, limit=STEP)
        )
        collected = await self._collect_orphans(now) if orphans else 0
        return Swept(
            expired_uploads=uploads,
            forgotten_uploads=forgotten,
            expired_files=files,
            orphans=collected,
            deleted_blobs=collected + await self._empty_garbage(now),
        )

    async def preview(self) -> Swept:
        """What `round` would reclaim. Changes nothing. The blobs of what is yet to expire are not counted."""
        now, plan = self._clock(), self._schedule
        overdue = await self._catalog.overdue(
            uploads_before=now - plan.expiry_grace,
            forget_before=now - plan.retention,
            files_before=now,
            due=now,
        )
        await claim(self._catalog, self._blobs)
        orphans = 0
        async for keys in self._old_blobs(now):
            orphans += len(await self._catalog.orphans(keys))
        return Swept(
            expired_uploads=overdue.expired_uploads,
            forgotten_uploads=overdue.forgettable_uploads,
            expired_files=overdue.expired_files,
            orphans=orphans,
            deleted_blobs=overdue.garbage + orphans,
        )

    async def _in_steps(self, step: Callable[[], Awaitable[Reclaimed]]) -> int:
        total = 0
        while (taken := (await step()).rows) > 0:
            total += taken
        return total

    async def _collect_orphans(self, now: float) -> int:
        """Delete them now, and remember them as garbage for as long again: a Part or a file that slept
        through the grace, on a machine that was suspended, must find its bytes condemned and be refused.
        Another installation's bytes are no orphans: raises WrongBlobs."""
        await claim(self._catalog, self._blobs)
        collected = 0
        async for keys in self._old_blobs(now):
            due = now + self._schedule.orphan_grace
            orphans = await self._catalog.orphans(keys)
            condemned = await self._catalog.condemn(orphans, due=due) if orphans else []
            if condemned:
                await self._blobs.delete(condemned)
                collected += len(condemned)
        return collected

    async def _old_blobs(self, now: float) -> AsyncIterator[list[str]]:
        keys: list[str] = []
        async for key in self._blobs.older_than(now - self._schedule.orphan_grace):
            keys.append(key)
            if len(keys) == STEP:
                yield keys
                keys = []
        if keys:
            yield keys

    async def _empty_garbage(self, now: float) -> int:
        """Bytes first, then the rows that remember them: a crash in between deletes again."""
        deleted = 0
        while keys := await self._catalog.garbage(due=now, limit=STEP):
            await self._blobs.delete(keys)
            await self._catalog.forget_garbage(keys)
            deleted += len(keys)
        return deleted
