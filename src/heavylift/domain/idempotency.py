"""A request that a client may send twice and that is done once: its key, and what it asked for.

The rules are those of the IETF draft "The Idempotency-Key HTTP Header Field" (draft 07), but for two
statuses: a key with another request is a 400, as all that cannot become right, and two at once wait for
one another instead of a 409, which OpenAI's clients would repeat.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from heavylift.domain.errors import InvalidRequest
from heavylift.domain.limits import DAY

KEPT_SECONDS: Final = DAY
"""How long a key is remembered: longer than any client goes on trying."""

KEY_CHARS: Final = 255
"""The longest key. Stripe takes as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """One request that is to be done once. `fingerprint` tells it from others under the same key."""

    key: str
    fingerprint: str
    now: float


def check_key(key: str) -> str:
    """The key, if it is one: 1 to 255 visible characters of ASCII."""
    if not 1 <= len(key) <= KEY_CHARS or not (key.isascii() and key.isprintable()):
        raise InvalidRequest(
            f"Idempotency-Key must hold 1 to {KEY_CHARS} visible ASCII characters. A random UUID is a good"
            " one.",
            param="Idempotency-Key",
        )
    return key


def once(key: str | None, *asked: str | int | None, now: float) -> Once | None:
    """What to remember of a request that asks for this; None without a key."""
    if key is None:
        return None
    return Once(key=key, fingerprint=hashlib.sha256(json.dumps(asked).encode()).hexdigest(), now=now)
