"""Whether this process can do its work: what /readyz answers, found out once a second at most."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from heavylift.api.errors import as_refusal
from heavylift.domain.errors import InsufficientStorage, Refusal, StorageUnavailable
from heavylift.service.ports import StorageFull

log = structlog.get_logger("heavylift.server")

KEPT = 1.0
"""Seconds for which a finding is kept: who asks meanwhile costs nothing."""

PATIENCE = 2.5
"""Seconds that a store may take. Those who ask give up after some three, and would not hear the reason."""

Ping = Callable[[], Coroutine[Any, Any, None]]


class Readiness:
    """Asks each of `stores`, by its name in a sentence. `clock` in seconds, from anywhere.

    A store that hangs is not asked a second time before it has answered the first: nothing piles up.
    """

    def __init__(
        self,
        stores: dict[str, Ping],
        *,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._stores, self._clock, self._patience = stores, clock, patience
        self._asked: dict[str, asyncio.Future[None]] = {}
        self._round: asyncio.Future[Refusal | None] | None = None
        self._found: Refusal | None = None
        self._until = float("-inf")

    async def check(self) -> None:
        """Return if all is well. Raises StorageUnavailable or InsufficientStorage, which name the store."""
        if self._clock() >= self._until:
            if self._round is None or self._round.done():
                self._round = asyncio.ensure_future(self._look())
            found = await asyncio.shield(self._round)
        else:
            found = self._found
        if found is not None:
            raise found.with_traceback(None)  # the same one may be raised a thousand times

    async def _look(self) -> Refusal | None:
        for name, ping in self._stores.items():
            if name not in self._asked:
                self._asked[name] = asyncio.ensure_future(ping())
        await asyncio.wait(self._asked.values(), timeout=self._patience)
        wrong = [found for name in self._stores if (found := self._judged(name)) is not None]
        self._found = next(iter(wrong), None)
        self._until = self._clock() + KEPT
        return self._found

    def _judged(self, name: str) -> Refusal | None:
        """What is wrong with that store, if anything."""
        asked = self._asked[name]
        if not asked.done():
            log.warning("ready.hangs", store=name)
            return StorageUnavailable(
                f"The {name} has not answered for {self._patience:g} seconds. Look whether it runs."
            )
        del self._asked[name]
        error = asked.exception()
        if error is None:
            return None
        if not isinstance(error, Exception) or as_refusal(error) is None:  # which logs what the store says
            raise error
        if isinstance(error, StorageFull):
            return InsufficientStorage(f"The {name} has no room left. Give it more.")
        return StorageUnavailable(f"The {name} failed. Look into the log, which says how.")
