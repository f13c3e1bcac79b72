"""The search for orphans: bytes that no fact points at, as a crash leaves them.

It is the one deletion that rests on what a catalog does *not* say. So it never deletes when it
looks through blobs for the first time, and waits for a day, or a word, where it would delete
much of what is there: then it may be the catalog that is wrong, or the blobs another's.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from heavylift.service.ownership import BearsMark
from heavylift.service.ports import BlobStore, NotDeleted, StorageDown
from heavylift.service.upkeep import Search, Upkeep

STEP = 200
"""Blobs of one step: short enough that nobody waits for it."""

SHARE = 0.1
"""Of all that lie there long enough: more than these are not believed to be orphans at once."""

FEW = 10
"""Orphans that are believed whatever their share."""

DOUBT_SECONDS = 24 * 3600.0
"""How long they are doubted, search for search. Time to look at the log."""

MOST = 100_000
"""Orphans of one search, which are kept in memory: the next one finds the others."""

FIRST = "the first search after these blobs were claimed deletes nothing"
MANY = "more than a tenth of what is there: is this the right catalog? `heavylift sweep --yes` deletes them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spared:
    """Orphans that were left where they are: how many, of how many blobs, why, and until when they are
    doubted (Unix seconds), if they are."""

    orphans: int
    of: int
    why: str
    until: float | None = None


@dataclass(slots=True, kw_only=True)
class Found:
    """What a search came across. `failure` is what it could not look into."""

    looked_at: int = 0
    orphans: list[str] = field(default_factory=list)
    failure: StorageDown | None = None

    @property
    def is_much(self) -> bool:
        """Whether it would be a mistake more likely than the debris of a crash."""
        return len(self.orphans) > max(FEW, SHARE * self.looked_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """How many orphans a search has deleted, those that it left, and what it could not look into or delete.

    What is deleted stays in the garbage for another grace: a Part or a file that slept through the first
    one, on a machine that was suspended, must find its bytes condemned and be refused.
    """

    deleted: int = 0
    spared: Spared | None = None
    failures: Sequence[StorageDown] = ()


class Orphans:
    """Searches among the blobs. `grace` in seconds is how long an orphan must have lain untouched."""

    def __init__(self, catalog: Upkeep, blobs: BlobStore, *, grace: float) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._grace = grace

    async def is_due(self, now: float, *, interval: float) -> bool:
        """Whether no process has searched for so many seconds."""
        last = await self._catalog.last_search()
        return last is None or abs(now - last.at) >= interval  # after now: the clock was set back since

    async def find(self, now: float, step: Callable[[], Awaitable[None]]) -> Found:
        """Look through all blobs that are old enough; `step` is awaited now and then."""
        found = Found()
        async for keys in self._old_blobs(now, found):
            await step()
            found.looked_at += len(keys)
            if len(found.orphans) < MOST:
                found.orphans += await self._catalog.orphans(keys)
        return found

    async def judge(self, found: Found, now: float) -> Spared | None:
        """Why these are to be left alone for now, if they are."""
        last = await self._catalog.last_search()
        spared = Spared(orphans=len(found.orphans), of=found.looked_at, why=MANY)
        if last is None and isinstance(self._blobs, BearsMark):
            return Spared(orphans=spared.orphans, of=spared.of, why=FIRST)
        if not found.is_much:
            return None
        since = now if last is None or last.doubted_at is None else last.doubted_at
        if now >= since + DOUBT_SECONDS:
            return None
        return Spared(orphans=spared.orphans, of=spared.of, why=MANY, until=since + DOUBT_SECONDS)

    async def collect(
        self, now: float, step: Callable[[], Awaitable[None]], *, confirmed: bool = False
    ) -> Collected:
        """Search, delete what may be, remember that it was done. `confirmed`: much of it is meant."""
        found = await self.find(now, step)
        spared = await self.judge(found, now)
        if confirmed and spared is not None and spared.why == MANY:
            spared = None
        stuck: NotDeleted | None = None
        deleted = 0
        for begin in range(0, 0 if spared else len(found.orphans), STEP):
            await step()
            condemned = await self._catalog.condemn(
                found.orphans[begin : begin + STEP], due=now + self._grace
            )
            deleted += len(condemned)
            try:
                await self._blobs.delete(condemned)
            except NotDeleted as error:  # they are garbage now, and tried again when that is due
                deleted -= len(error.reasons)
                stuck = error.after(stuck)
        if found.looked_at or not found.failure:
            await self._remember(found, spared, now)
        failures = tuple(one for one in (found.failure, stuck) if one is not None)
        return Collected(deleted=deleted, spared=spared if found.orphans else None, failures=failures)

    async def _remember(self, found: Found, spared: Spared | None, now: float) -> None:
        doubted_at = None
        if spared is not None and found.is_much:
            doubted_at = now if spared.until is None else spared.until - DOUBT_SECONDS
        await self._catalog.remember_search(Search(at=now, doubted_at=doubted_at))

    async def _old_blobs(self, now: float, found: Found) -> AsyncIterator[list[str]]:
        keys: list[str] = []
        try:
            async for key in self._blobs.older_than(now - self._grace):
                keys.append(key)
                if len(keys) == STEP:
                    yield keys
                    keys = []
        except StorageDown as error:  # what was found elsewhere is none the less an orphan
            found.failure = error
        if keys:
            yield keys
