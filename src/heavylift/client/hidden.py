"""Headers whose values nobody may see: neither in a log nor in an error that travels."""

from collections.abc import Mapping
from typing import Final

_SECRET: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "api-key", "x-api-key"}
)

REDACTED: Final = "<redacted>"


def is_secret(name: str) -> bool:
    """Whether a header of this name holds a secret."""
    return name.lower() in _SECRET


def redacted(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers, with every secret one's value replaced."""
    return {name: REDACTED if is_secret(name) else value for name, value in headers.items()}
