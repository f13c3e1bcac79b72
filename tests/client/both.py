"""Either client over real sockets, for what both must do alike."""

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from heavylift import AsyncHeavylift, Heavylift, RetryConfig
from tests.support.stand_in import StandIn


@dataclass
class Both:
    """`do(lambda client: …)` on the client that it is named after; what is awaitable is awaited."""

    kind: Literal["blocking", "asyncio"]
    server: StandIn
    folder: Path

    def do(self, ask: Callable[[Any], Any], **setting: Any) -> Any:
        """What comes of it, or what it raises. Nothing is tried twice."""
        made = {
            "api_key": "sk-test",
            "server_url": self.server.url,
            "state_folder": self.folder / "state",
            "retry_config": RetryConfig("none"),
            **setting,
        }
        made = {name: value for name, value in made.items() if value is not None}
        if self.kind == "blocking":
            with Heavylift(**made) as client:
                return ask(client)
        return asyncio.run(self._awaited(ask, made))

    async def _awaited(self, ask: Callable[[Any], Any], made: dict[str, Any]) -> Any:
        async with AsyncHeavylift(**made) as client:
            given = ask(client)
            return await given if inspect.isawaitable(given) else given


def first(pager: Any) -> Any:
    """Its first page, or what is awaited for that."""
    pages = pager.pages()
    return next(pages) if hasattr(pages, "__next__") else anext(pages)
