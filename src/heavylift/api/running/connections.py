"""What the connections of a process share with whoever runs it: who is there, what runs, when to leave.

A connection adds itself to this set when it is made and discards itself when it is lost, puts the tasks
that answer its requests into `tasks` and discards them too, lets go of its client after an answer once
they are `leaving`, and has a method `shutdown()`: end at once if nothing is under way, else after the
answer that is.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class _Watched(set[T]):
    """A set that tells when something has left it."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        super().__init__()
        self._on_change = on_change

    def discard(self, element: object) -> None:
        super().discard(element)
        self._on_change()

    def remove(self, element: T) -> None:
        super().remove(element)
        self._on_change()


class Connections:
    """See above. `changed` is set whenever one ends; `leaving` makes each answer its connection's last."""

    def __init__(self, *, on_count: Callable[[], None] = lambda: None) -> None:
        self.changed = asyncio.Event()
        self.connections: set[Any] = _Watched(self._one_left)
        self.tasks: set[asyncio.Task[Any]] = _Watched(self.changed.set)
        self.total_requests = 0
        self._on_count = on_count
        self._transports: dict[Any, asyncio.BaseTransport] = {}
        self.leaving = False

    def __len__(self) -> int:
        return len(self.connections)

    def made(self, connection: Any, transport: asyncio.BaseTransport) -> None:
        """How it can be cut off."""
        if connection in self.connections:
            self._transports[connection] = transport
        self._on_count()

    def leave(self) -> None:
        """From now on each answer is its connection's last."""
        self.leaving = True

    def shut_down(self) -> None:
        """Idle ones end at once, the others after the answer that is under way."""
        for connection in list(self.connections):
            connection.shutdown()

    def abort(self) -> None:
        """All end at once, whatever is under way."""
        for transport in list(self._transports.values()):
            if isinstance(transport, asyncio.Transport):
                transport.abort()

    def _one_left(self) -> None:
        for connection in self._transports.keys() - self.connections:
            del self._transports[connection]
        self._on_count()
        self.changed.set()
