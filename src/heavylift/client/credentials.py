"""The key of a call: whether it may go along, as what header, and where one came from that was refused."""

import inspect
from collections.abc import Mapping
from typing import Protocol

from heavylift.client.endpoint import ApiKey
from heavylift.client.errors import AuthenticationError, InvalidRequestError
from heavylift.client.origins import same_origin


class Holder(Protocol):
    """What is known of a client's key. `key_only_to`: the URL of the one server that it may go to, if so."""

    @property
    def api_key(self) -> ApiKey | None:
        """The key, a function that gives one, or an empty text."""
        ...

    @property
    def key_name(self) -> str:
        """Where it came from."""
        ...

    @property
    def key_only_to(self) -> str | None:
        """None for any server."""
        ...


def secret_for(holder: Holder, key: object, server_url: str) -> str | None:
    """The header's value for this server. `key` is the key, or what the function gave that is the key."""
    return authorization(key, named_by=holder.key_name) if _may_have_key(holder, server_url) else None


def _may_have_key(holder: Holder, server_url: str) -> bool:
    """Whether the key may go to this server, which a call may have chosen."""
    only_to = holder.key_only_to
    return holder.api_key is not None and (only_to is None or same_origin(only_to, server_url))


def tell_whence(
    error: AuthenticationError, holder: Holder, server_url: str, headers: Mapping[str, str]
) -> None:
    """Let a refusal say where the refused key came from. `headers` are those of the call."""
    error.args = (f"{error.message} {_whence(holder, server_url, headers)}",)


def _whence(holder: Holder, server_url: str, headers: Mapping[str, str]) -> str:
    if any(name.lower() == "authorization" for name in headers):
        return "The key came from http_headers=."
    if holder.api_key and not _may_have_key(holder, server_url):
        return f"No key was sent: that of {holder.key_name} goes to {holder.key_only_to} alone."
    return f"The key came from {holder.key_name}." if holder.api_key else "No key was sent."


def authorization(key: object, *, named_by: str = "api_key=") -> str | None:
    """The header's value for this key, None for no key. The key never gets into an error."""
    if inspect.isawaitable(key) or not isinstance(key, str):
        raise InvalidRequestError("The api_key function did not return a string")
    secret = key.strip()
    if not secret:
        return None
    if not (secret.isascii() and secret.isprintable()):
        raise InvalidRequestError(
            f"The API key that came from {named_by} holds characters that no key has. Was it pasted whole?"
        )
    return secret if secret.startswith("Bearer ") else f"Bearer {secret}"
