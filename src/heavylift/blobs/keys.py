"""The form of a blob's key. Every driver checks it here before it becomes part of a path or an address."""

import re

_KEY = re.compile(r"[0-9a-f]{32}\Z")


def is_key(text: str) -> bool:
    """Whether `text` has the form of a key."""
    return _KEY.match(text) is not None


def checked(key: str) -> str:
    """The same key. Raises ValueError if it is none: a defect of the caller, never a client's doing."""
    if not is_key(key):
        raise ValueError(f"{key[:100]!r} is not a blob's key: 32 lower-case hex digits")
    return key
