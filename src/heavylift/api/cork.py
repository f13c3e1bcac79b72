"""An answer's head and its short body in one write.

The first write of two wakes a client that can do nothing yet but wait for the second. On the
same machine it does so in our place: with small Parts that took a twentieth of our time.
"""

from collections.abc import Callable
from typing import Any, Final

from starlette.types import Scope

EXTENSION: Final = "heavylift.cork"
"""Where an application finds `Corked.hold` of its connection, among the scope's extensions."""


class Corked:
    """A transport whose next write may be told to wait for the one that follows it."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._holds = False
        self._held = b""

    def hold(self) -> None:
        """Let the next write wait. Only for an answer whose body is at hand."""
        self._holds = True

    def write(self, data: bytes) -> None:
        """Write it, behind what waits; or let it wait."""
        if self._holds:
            self._holds = False
            self._held = data
            return
        if self._held:
            data, self._held = self._held + data, b""
        self._transport.write(data)

    def take(self) -> bytes:
        """What waits, for someone who sends it in another way."""
        self._holds = False
        held, self._held = self._held, b""
        return held

    def close(self) -> None:
        """Write what waits, and close."""
        self._holds = False
        self.write(b"")
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def hold_head(scope: Scope) -> None:
    """Let the head of the answer wait for its body, if the server can."""
    hold: Callable[[], None] | None = scope.get("extensions", {}).get(EXTENSION)
    if hold is not None:
        hold()
