"""Reclaims what nobody can ask for any more: never anything that a fact points at.

Every step is one transaction that several sweepers may take at once: each row is
handed to the garbage by exactly one of them, and deleting bytes twice is fine.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from heavylift.domain.idempotency import KEPT_SECONDS
from heavylift.service.orphans import STEP, Orphans, Spared
from heavylift.service.ownership import claim, examine
from heavylift.service.ports import BlobStore, Catalog, Clock, NotDeleted
from heavylift.service.upkeep import Reclaimed

POSTPONED = 600.0
"""Seconds until bytes that could not be deleted are tried again. Others have their turn meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When what is reclaimed. All in seconds."""

    interval: float
    """Between two rounds. A nudge brings the next one forward."""

    expiry_grace: float
    """After an Upload's deadline: a Part or a `complete` that began before it may still be running."""

    delete_grace: float
    """How long bytes stay that no fact points at any more: for downloads under way, and longer than it
    takes a commit to be flushed, and to reach a standby that may take over."""

    retention: float
    """How long a finished Upload can still be asked for, after its deadline."""

    orphan_interval: float
    """Between two searches for bytes that no fact points at: what a crash leaves."""

    orphan_grace: float
    """How long such bytes must have lain untouched: longer than any Part is in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one round reclaimed: Uploads expired and forgotten, Files expired, blobs; and the orphans that
    it left alone."""

    expired_uploads: int = 0
    forgotten_uploads: int = 0
    expired_files: int = 0
    orphans: int = 0
    deleted_blobs: int = 0
    spared: Spared | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """A blob that would go, and why."""

    blob: str
    why: str


async def _no_pause() -> None:
    """Between two steps of a round by hand."""


class Sweeper:
    """Rounds of reclaiming. `complain` hears of what could not be done while the rest was."""

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        *,
        clock: Clock,
        schedule: Schedule,
        complain: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._clock = clock
        self._schedule = schedule
        self._complain = complain
        self._orphans = Orphans(catalog, blobs, grace=schedule.orphan_grace)

    async def round(
        self,
        *,
        orphans: bool = True,
        confirmed: bool = False,
        step: Callable[[], Awaitable[None]] = _no_pause,
    ) -> Swept:
        """Reclaim everything that is due now, facts first.

        `confirmed`: also where orphans are a large share of all blobs. `step` is awaited between two
        steps; what it raises ends the round. Raises WrongBlobs before a byte is deleted.
        """
        now, plan = self._clock(), self._schedule
        due = now + plan.delete_grace
        uploads = await self._in_steps(
            lambda: self._catalog.expire_uploads(before=now - plan.expiry_grace, due=due, limit=STEP), step
        )
        files = await self._in_steps(
            lambda: self._catalog.expire_files(before=now, due=due, limit=STEP), step
        )
        forgotten = await self._in_steps(
            lambda: self._catalog.forget_uploads(before=now - plan.retention, limit=STEP), step
        )
        await self._in_steps(
            lambda: self._catalog.forget_idempotency_keys(before=now - KEPT_SECONDS, limit=STEP), step
        )
        await claim(self._catalog, self._blobs)
        deleted = await self._empty_garbage(now, step)
        collected, spared = 0, None
        if orphans:
            search = await self._orphans.collect(now, step, confirmed=confirmed)
            collected, spared = search.deleted, search.spared
            for failure in search.failures:
                self._complain(failure)
        return Swept(
            expired_uploads=uploads,
            forgotten_uploads=forgotten,
            expired_files=files,
            orphans=collected,
            deleted_blobs=deleted + collected,
            spared=spared,
        )

    async def search_is_due(self) -> bool:
        """Whether no process has looked for orphans for so long that it is time."""
        return await self._orphans.is_due(self._clock(), interval=self._schedule.orphan_interval)

    async def garbage_is_due(self) -> bool:
        """Whether a round would delete bytes that some process has dropped the facts of."""
        return bool(await self._catalog.garbage(due=self._clock(), limit=1))

    async def preview(self) -> tuple[Swept, AsyncIterator[Doomed]]:
        """What `round` would reclaim, and then each blob with its reason. Changes nothing.

        The blobs of what is yet to expire are told, but not counted: they go `delete_grace` later.
        """
        now, plan = self._clock(), self._schedule
        overdue = await self._catalog.overdue(
            uploads_before=now - plan.expiry_grace,
            forget_before=now - plan.retention,
            files_before=now,
            due=now,
        )
        await examine(self._catalog, self._blobs)
        found = await self._orphans.find(now, _no_pause)
        spared = await self._orphans.judge(found, now) if found.orphans else None
        orphans = 0 if spared else len(found.orphans)
        swept = Swept(
            expired_uploads=overdue.expired_uploads,
            forgotten_uploads=overdue.forgettable_uploads,
            expired_files=overdue.expired_files,
            orphans=orphans,
            deleted_blobs=overdue.garbage + orphans,
            spared=spared,
        )
        return swept, self._doomed(now, found.orphans, spared)

    async def _doomed(self, now: float, orphans: list[str], spared: Spared | None) -> AsyncIterator[Doomed]:
        after = ""
        while garbage := await self._catalog.condemned(after=after, limit=STEP):
            for one in garbage:
                when = "now" if one.due <= now else f"in {one.due - now:.0f} s"
                yield Doomed(blob=one.blob, why=f"{one.why}: {when}")
            after = garbage[-1].blob
        after = ""
        while expiring := await self._catalog.expiring(
            uploads_before=now - self._schedule.expiry_grace, files_before=now, after=after, limit=STEP
        ):
            for owner in expiring:
                for blob in owner.blobs:
                    why = f"{owner.owner} has expired: {self._schedule.delete_grace:.0f} s after the round"
                    yield Doomed(blob=blob, why=why)
            after = expiring[-1].owner
        for blob in orphans:
            left = f": not now, {spared.why}" if spared else ": now"
            yield Doomed(blob=blob, why=f"nothing points at it, untouched for orphan_grace{left}")

    async def _in_steps(
        self, take: Callable[[], Awaitable[Reclaimed]], step: Callable[[], Awaitable[None]]
    ) -> int:
        total = 0
        while (taken := (await take()).rows) > 0:
            total += taken
            await step()
        return total

    async def _empty_garbage(self, now: float, step: Callable[[], Awaitable[None]]) -> int:
        """Bytes first, then the rows that remember them: a crash in between deletes again. But before the
        bytes, whatever dropped their facts is made durable: a power loss must not bring the facts back.

        What cannot be deleted waits, and keeps nothing else from going; it is told once a round, however
        much it is. A store that is away ends the round: nothing waits for longer because of that.
        """
        deleted = 0
        stuck: NotDeleted | None = None
        try:
            while keys := await self._catalog.garbage(due=now, limit=STEP):
                await step()
                gone = keys
                await self._catalog.make_durable()
                try:
                    await self._blobs.delete(keys)
                except NotDeleted as error:
                    stuck = error.after(stuck)
                    gone = [key for key in keys if key not in error.reasons]
                    await self._catalog.postpone_garbage(error.reasons, due=now + POSTPONED)
                await self._catalog.forget_garbage(gone)
                deleted += len(gone)
        finally:
            if stuck is not None:
                self._complain(stuck)
        return deleted
