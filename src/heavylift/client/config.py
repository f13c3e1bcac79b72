"""What a client is set to: from its arguments, else from the environment, else by default."""

import logging
import os
import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import platformdirs

from heavylift.client.contact import Contacts
from heavylift.client.endpoint import SYSTEM, ApiKey, Endpoint, Trust
from heavylift.client.errors import MissingKeyError
from heavylift.client.hooks import Hooks
from heavylift.client.local import LOCAL_SERVER
from heavylift.client.locating import Given, locate
from heavylift.client.logs import LOGGER
from heavylift.client.options import check_headers, check_timeout
from heavylift.client.retries import DEFAULT_RETRIES, PATIENT_RETRIES, RetryConfig, check_retries

SILENCE_MS: Final = 120_000
"""How long the network may be silent by default: a `complete` with an md5 reads the whole file first."""


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
    """All that a flow may know of its client. Tests pass in clock, time, dice and keys.

    `key_name`: where the key came from. `key_only_to`: the URL of the one server that it may go to, if so.
    """

    api_key: ApiKey | None = field(default=None, repr=False)
    server_url: str = LOCAL_SERVER
    key_name: str = "api_key="
    key_only_to: str | None = None
    trust: Trust = SYSTEM
    retries: RetryConfig | None = None
    timeout_ms: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
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
    api_key: ApiKey | None = None,
    server_url: str | None = None,
    profile: str | None = None,
    ca_cert: str | os.PathLike[str] | None = None,
    retry_config: RetryConfig | None = None,
    timeout_ms: int | None = None,
    default_headers: Mapping[str, str] | None = None,
    debug_logger: logging.Logger | None = None,
    hooks: Sequence[Hooks] = (),
    state_folder: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Setting:
    """Arguments first; server and key then as `endpoint` decides, HEAVYLIFT_DEBUG, then defaults.

    An empty key is taken at its word: no key is sent, whatever the environment says. Raises MissingKeyError
    where there is none at all.
    """
    check_timeout(timeout_ms)
    check_retries("retry_config", retry_config)
    found = locate(Given(url=server_url, key=api_key, profile=profile, ca_cert=ca_cert), environment)
    if found.key is None:
        raise MissingKeyError(found.lacking_key())
    return set_to(
        found, retry_config=retry_config, timeout_ms=timeout_ms, default_headers=default_headers,
        debug_logger=debug_logger, hooks=hooks, state_folder=state_folder, environment=environment,
    )  # fmt: skip


def set_to(
    found: Endpoint,
    *,
    retry_config: RetryConfig | None = None,
    timeout_ms: int | None = None,
    default_headers: Mapping[str, str] | None = None,
    debug_logger: logging.Logger | None = None,
    hooks: Sequence[Hooks] = (),
    state_folder: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Setting:
    """The same, where server and key are decided already."""
    check_timeout(timeout_ms)
    check_headers(default_headers or {}, name="default_headers")
    logger = debug_logger or LOGGER
    if debug_logger is None and environment.get("HEAVYLIFT_DEBUG"):
        _show_debug_lines(logger)
    return Setting(
        api_key=found.key,
        server_url=found.url,
        key_name=found.key_name,
        key_only_to=found.only_to,
        trust=found.trust,
        retries=retry_config,
        timeout_ms=timeout_ms,
        headers=dict(default_headers or {}),
        hooks=tuple(hooks),
        logger=logger,
        state_folder=_state_folder() if state_folder is None else Path(os.path.abspath(state_folder)),
    )


def _show_debug_lines(logger: logging.Logger) -> None:
    """What HEAVYLIFT_DEBUG asks for: debug lines on standard error, once."""
    logger.setLevel(logging.DEBUG)
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
