"""What a client is set to: from its arguments, else from the environment, else by default."""

import inspect
import logging
import os
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import platformdirs

from heavylift.client.contact import Contacts
from heavylift.client.errors import InvalidRequestError
from heavylift.client.hooks import Hooks
from heavylift.client.local import LOCAL_SERVER
from heavylift.client.logs import LOGGER
from heavylift.client.options import check_timeout
from heavylift.client.retries import DEFAULT_RETRIES, PATIENT_RETRIES, RetryConfig, check_retries

SILENCE_MS: Final = 120_000
"""How long the network may be silent by default: a `complete` with an md5 reads the whole file first."""

ApiKey: TypeAlias = str | Callable[[], str] | Callable[[], Awaitable[str]]


def _now() -> datetime:
    return datetime.now(UTC)


def _state_folder() -> Path:
    """Where this system keeps such things. Without a home folder there is no absolute path to it."""
    try:
        return platformdirs.user_state_path("heavylift")
    except (OSError, RuntimeError, KeyError):
        return Path("heavylift")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """All that a flow may know of its client. Tests pass in clock, time, dice and keys."""

    api_key: ApiKey | None = field(default=None, repr=False)
    server_url: str = LOCAL_SERVER
    retries: RetryConfig | None = None
    timeout_ms: int | None = None
    hooks: Sequence[Hooks] = ()
    logger: logging.Logger = LOGGER
    state_folder: Path = field(default_factory=_state_folder)
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _now
    dice: Callable[[], float] = random.random
    new_key: Callable[[], str] = lambda: str(uuid.uuid4())
    contacts: Contacts = field(default_factory=Contacts)

    def retries_for(self, *, patient: bool, most_ms: int | None = None) -> RetryConfig:
        """The user's, else the default: longer for a part of a running transfer, no longer than `most_ms`."""
        if self.retries is not None:
            return self.retries
        return (PATIENT_RETRIES if patient else DEFAULT_RETRIES).within(most_ms)


def settle(
    *,
    api_key: ApiKey | None,
    server_url: str | None,
    retry_config: RetryConfig | None,
    timeout_ms: int | None,
    debug_logger: logging.Logger | None,
    hooks: Sequence[Hooks],
    state_folder: str | os.PathLike[str] | None,
    environment: Mapping[str, str] = os.environ,
) -> Setting:
    """Arguments first, then HEAVYLIFT_API_KEY, HEAVYLIFT_BASE_URL and HEAVYLIFT_DEBUG, then defaults.

    An empty key is taken at its word: no key is sent, whatever the environment says.
    """
    check_timeout(timeout_ms)
    check_retries("retry_config", retry_config)
    logger = debug_logger or LOGGER
    if debug_logger is None and environment.get("HEAVYLIFT_DEBUG"):
        _show_debug_lines(logger)
    folder = _state_folder() if state_folder is None else Path(os.path.abspath(state_folder))
    return Setting(
        api_key=environment.get("HEAVYLIFT_API_KEY") if api_key is None else api_key,
        server_url=checked_url(server_url or environment.get("HEAVYLIFT_BASE_URL") or LOCAL_SERVER),
        retries=retry_config,
        timeout_ms=timeout_ms,
        hooks=tuple(hooks),
        logger=logger,
        state_folder=folder,
    )


def checked_url(url: str) -> str:
    """The URL without trailing slashes. Raises InvalidRequestError for what is no HTTP URL of a server, and
    says what it should be."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or True)
    except (ValueError, TypeError, AttributeError):  # the last two: it is no text at all
        sound = False
    if not sound or not url.isprintable() or " " in url:
        shown = url.partition("://")[0] + "://***" if isinstance(url, str) and "@" in url else url
        raise InvalidRequestError(f"{shown!r} is not a server URL. It looks like {LOCAL_SERVER}")
    credentials, _, netloc = parts.netloc.rpartition("@")
    signs = {"name and password": credentials, "?": "?" in url, "#": "#" in url}
    if any(signs.values()):
        plain = urlunsplit((parts.scheme, netloc, parts.path, "", "")).rstrip("/")
        hint = ". A key goes into api_key, other credentials into http_headers" if credentials else ""
        extra = " and no ".join(name for name, there in signs.items() if there)
        raise InvalidRequestError(f"A server URL has no {extra}: it is {plain} here{hint}")
    return url.rstrip("/")


def authorization(key: object) -> str | None:
    """The header's value for this key, None for no key. The key never gets into an error."""
    if inspect.isawaitable(key) or not isinstance(key, str):
        raise InvalidRequestError("The api_key function did not return a string")
    secret = key.strip()
    if not secret:
        return None
    if not (secret.isascii() and secret.isprintable()):
        raise InvalidRequestError("The API key holds characters that no key has. Was it pasted whole?")
    return secret if secret.startswith("Bearer ") else f"Bearer {secret}"


def _show_debug_lines(logger: logging.Logger) -> None:
    """What HEAVYLIFT_DEBUG asks for: debug lines on standard error, once."""
    logger.setLevel(logging.DEBUG)
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
