"""What is behind the routes, from the moment at which its stores can be opened; before that, why not."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Self

import structlog

from heavylift.api.context import Context
from heavylift.domain.errors import StorageUnavailable

log = structlog.get_logger("heavylift.server")

FIRST_SECONDS = 5.0
"""How long a start waits for the stores. Then it goes on without: whoever asks is told so meanwhile."""

PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between two attempts. They double."""

Open = Callable[[], AbstractAsyncContextManager[Context]]


class Opening:
    """Keeps trying to open, then keeps open for as long as it is entered.

    Raises what `open` raises while the start waits for it, unless it is one of `away`: stores that do not
    answer, or not as they should, for now. Each has a sentence that anybody may hear. Later nobody is there
    to hear of anything else, so it is logged as the fault that it is, and tried again.
    """

    def __init__(self, open: Open, *, away: dict[type[Exception], str]) -> None:
        self._open, self._away = open, away
        self._why = "They have not answered yet."
        self._context: Context | None = None
        self._closing = asyncio.Event()
        self._tried = asyncio.Event()
        self._started = False

    @property
    def context(self) -> Context:
        """What is open. Raises StorageUnavailable."""
        if self._context is None:
            raise StorageUnavailable(f"The stores of this service are not open. {self._why} Try again.")
        return self._context

    async def __aenter__(self) -> Self:
        self._keeping = asyncio.ensure_future(self._keep())
        trying = asyncio.ensure_future(self._tried.wait())
        await asyncio.wait(
            [self._keeping, trying], timeout=FIRST_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        trying.cancel()
        if self._keeping.done():
            self._keeping.result()
        self._started = True
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close. An attempt that is under way is given up."""
        self._closing.set()
        if self._context is None:
            self._keeping.cancel()
        await asyncio.wait([self._keeping])
        if not self._keeping.cancelled():
            self._keeping.result()

    async def _keep(self) -> None:
        pause = PAUSE
        while not self._closing.is_set():
            try:
                async with self._open() as self._context:
                    if self._tried.is_set():
                        log.info("stores.open")
                    self._tried.set()
                    await self._closing.wait()
                    return
            except Exception as error:
                why = next((why for kind, why in self._away.items() if isinstance(error, kind)), None)
                if self._closing.is_set() or (why is None and not self._started):
                    raise
                if why is None:
                    log.exception("stores.failed", again_in=pause)
                else:
                    log.warning("stores.away", reason=str(error), again_in=pause)
                self._why = why or "Opening them fails; the service's log says how."
            self._tried.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
