"""Headers whose values nobody may see: neither in a log nor in an error that travels."""

import re
from collections.abc import Mapping
from typing import Final

_SECRET: Final = re.compile(
    r"auth|cookie|credential|password|passwd|secret|session|signature|token|(^|[-_])(api)?keys?($|[-_])|apikey",
    re.IGNORECASE,
)
"""What the name of a header says that holds a secret: Authorization, X-Api-Key, X-Amz-Security-Token …"""

_HARMLESS: Final = frozenset({"idempotency-key"})

REDACTED: Final = "<redacted>"


def is_secret(name: str) -> bool:
    """Whether a header of this name holds a secret."""
    return name.lower() not in _HARMLESS and _SECRET.search(name) is not None


def redacted(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers, with every secret one's value replaced."""
    return {name: REDACTED if is_secret(name) else value for name, value in headers.items()}
