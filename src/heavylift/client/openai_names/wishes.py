"""What openai-python is told of a call or a client, as this SDK puts it."""

from collections.abc import Mapping
from typing import Protocol, TypeAlias, TypeVar

from heavylift.client.errors import unfit
from heavylift.client.options import RequestOptions
from heavylift.client.retries import RetryConfig, is_number

T = TypeVar("T")


class HasRead(Protocol):
    """The HTTP library's Timeout: how long it waits for an answer to go on is what counts here."""

    @property
    def read(self) -> float | None:
        """Seconds."""
        ...


Timeout: TypeAlias = float | HasRead | None
"""Seconds, or the HTTP library's Timeout."""


def milliseconds(timeout: Timeout) -> int | None:
    """Seconds as `timeout_ms`. Raises SDKValidationError for what is no time to wait."""
    seconds = getattr(timeout, "read", timeout)
    if seconds is None:
        return None
    if not is_number(seconds) or seconds <= 0:
        raise unfit("timeout", f"must be a number of seconds above 0, not {seconds!r}")
    return max(1, round(seconds * 1000))


def retries(max_retries: int | None) -> RetryConfig | None:
    """So many repetitions of each request at most. Raises SDKValidationError for what is no count."""
    return None if max_retries is None else RetryConfig(max_retries=max_retries, await_server=False)


def headers(
    given: Mapping[str, str] | None, *, organization: str | None, project: str | None
) -> Mapping[str, str] | None:
    """What goes with every request."""
    scopes = {"OpenAI-Organization": organization, "OpenAI-Project": project}
    said = {name: value for name, value in scopes.items() if value is not None}
    return {**said, **given} if said and given else said or given


def either(ours: str, value: T | None, theirs: str, other: T | None) -> T | None:
    """What was said under one of two names. Raises SDKValidationError where it was said under both."""
    if value is not None and other is not None:
        raise unfit(theirs, f"is {ours} by another name: give one of them")
    return other if value is None else value


def options(extra_headers: Mapping[str, str] | None, timeout: Timeout) -> RequestOptions:
    """What one call is told."""
    return RequestOptions(http_headers=extra_headers or {}, timeout_ms=milliseconds(timeout))
