"""What the sweeper needs of a catalog: a part of the port Catalog, whose promises hold here too."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclaimed:
    """What one step of the upkeep took out of the catalog: rows, and blobs handed to the garbage."""

    rows: int = 0
    blobs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """How many rows wait for the upkeep: Uploads to expire and to forget, Files to forget, garbage."""

    expired_uploads: int = 0
    forgettable_uploads: int = 0
    expired_files: int = 0
    garbage: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Condemned:
    """A blob in the garbage: from when on (Unix seconds) its bytes may go, and why it is there."""

    blob: str
    due: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """An Upload or File that has expired and waits for the next round, and the blobs that go with it."""

    owner: str
    blobs: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """When orphans were last looked for, and since when what was found is too much to be believed.
    Unix seconds."""

    at: float
    doubted_at: float | None = None


class Upkeep(Protocol):
    """Across projects, in steps of at most `limit` rows, so that no step is long."""

    async def overdue(
        self, *, uploads_before: float, forget_before: float, files_before: float, due: float
    ) -> Overdue:
        """What the steps below would take at these moments. Reads only."""
        ...

    async def expire_uploads(self, *, before: float, due: float, limit: int) -> Reclaimed:
        """Make Uploads expired that are still pending and whose deadline lies before `before`, and
        hand their Parts to the garbage."""
        ...

    async def expire_files(self, *, before: float, due: float, limit: int) -> Reclaimed:
        """Forget Files whose `expires_at` is at or before `before` and hand their blobs to the garbage."""
        ...

    async def forget_uploads(self, *, before: float, limit: int) -> Reclaimed:
        """Forget Uploads that are no longer pending and whose deadline lies before `before`. Their
        Files stay."""
        ...

    async def forget_idempotency_keys(self, *, before: float, limit: int) -> Reclaimed:
        """Forget keys of requests that came at or before `before`."""
        ...

    async def garbage(self, *, due: float, limit: int) -> list[str]:
        """Keys of blobs whose bytes may be deleted at `due`."""
        ...

    async def forget_garbage(self, keys: Collection[str]) -> None:
        """Forget garbage whose bytes are gone. Repeatable."""
        ...

    async def postpone_garbage(self, keys: Collection[str], *, due: float) -> None:
        """Let garbage that could not be deleted wait until `due`."""
        ...

    async def orphans(self, keys: Collection[str]) -> list[str]:
        """Those of `keys` that neither a Part nor a File points at and that are not in the garbage
        either. Reads only."""
        ...

    async def condemn(self, keys: Collection[str], *, due: float) -> list[str]:
        """Hand those of `keys` to the garbage that neither a Part nor a File points at, and that are not
        there already; which. Against a Part that arrives at the same moment exactly one of the two wins."""
        ...

    async def make_durable(self) -> None:
        """Return once all that anybody has committed survives a power loss, whatever a commit promises."""
        ...

    async def condemned(self, *, after: str, limit: int) -> list[Condemned]:
        """All garbage, due or not, by key, behind the key `after`; empty text begins. Reads only."""
        ...

    async def expiring(
        self, *, uploads_before: float, files_before: float, after: str, limit: int
    ) -> list[Expiring]:
        """What `expire_uploads` and `expire_files` would take at these moments, by id, behind the id
        `after`. Reads only."""
        ...

    async def last_search(self) -> Search | None:
        """The last search for orphans by whichever process; None if there was none since the blobs
        became this catalog's."""
        ...

    async def remember_search(self, search: Search | None) -> None:
        """That there was one; None forgets it, for other blobs may be there now."""
        ...

    async def newest(self) -> list[str]:
        """Of Uploads, of Parts and of Files the id that sorts last, if there is one."""
        ...

    async def take_lease(self, name: str, holder: str, *, now: float, until: float) -> bool:
        """Take the lease of that name until the moment `until`, or prolong it if `holder` has it. False
        while it is another's and not over at `now`, unless it lasts more than twice as long as this one
        would: then the clock was set back since. One that ends at `now` is given back."""
        ...
