"""Whose a transfer is: what tells the journals of two keys or projects apart, without telling the key."""

import hashlib
from collections.abc import Mapping
from typing import Final

from heavylift.client.endpoint import ApiKey
from heavylift.client.logs import without_password

_SCOPES: Final = ("authorization", "openai-organization", "openai-project")
"""Headers by which one key may speak for one project or another."""


def owner_of(api_key: ApiKey | None, headers: Mapping[str, str]) -> str:
    """A mark of the key and the project that a call is made for; empty where there is neither.

    A function as key is asked for a new one every hour: it marks nothing.
    """
    given = {name.lower(): value for name, value in headers.items()}
    scopes = [given.get(name, "") for name in _SCOPES]
    key = api_key.strip() if isinstance(api_key, str) else ""
    if not key and not any(scopes):
        return ""
    marked = "\0".join(("heavylift journal", key, *scopes))
    return hashlib.sha256(marked.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def server_of(url: str) -> str:
    """The server's URL as a journal may hold it: a password in it stays out."""
    return without_password(url)
