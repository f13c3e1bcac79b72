"""What a client has learned of its server so far: whether it answers, whether it honours idempotency keys."""

from dataclasses import dataclass, field
from typing import Final

WARN_SECONDS: Final = 30.0
"""Between two warnings that a server does not answer."""


@dataclass(slots=True)
class Contact:
    """Shared by all calls of a client to one server, in any thread: each is written whole, and never back."""

    answered: bool = False
    """Whether there was an answer of any kind."""

    honours_keys: bool | None = None
    """Whether a creation may be repeated under its key. None: not known yet."""

    warned_at: float = float("-inf")

    def may_warn(self, now: float) -> bool:
        """Whether a warning is due, which counts as given then."""
        due = now - self.warned_at >= WARN_SECONDS
        if due:
            self.warned_at = now
        return due


@dataclass(slots=True)
class Contacts:
    """Of each server that a client has to do with, by its URL: what one honours says nothing of another."""

    _known: dict[str, Contact] = field(default_factory=dict)

    def of(self, server_url: str) -> Contact:
        """Of this one."""
        return self._known.setdefault(server_url, Contact())
