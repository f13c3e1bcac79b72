"""When to try again, and after how long. Pure: no clock, no sleep, no dice of its own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal

RETRIED_CODES: Final = ("429", "500", "502", "503", "504")
"""The statuses that are tried again unless the caller names others; `5xx` names a family."""

JITTER_MS: Final = 1000
"""Up to this much is added at random to each pause, so that clients do not come back in step."""


@dataclass(frozen=True, slots=True)
class BackoffStrategy:
    """How pauses grow. All in milliseconds but the exponent."""

    initial_interval: int = 500
    max_interval: int = 60_000
    exponent: float = 1.5
    max_elapsed_time: int = 3_600_000


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """Whether to try again at all, how, and whether after a broken connection too."""

    strategy: Literal["backoff", "none"] = "backoff"
    backoff: BackoffStrategy = field(default_factory=BackoffStrategy)
    retry_connection_errors: bool = True


DEFAULT_RETRIES: Final = RetryConfig(backoff=BackoffStrategy(max_elapsed_time=30_000))
"""A single call, by default: half a minute, so that a wrong URL is told soon."""

PATIENT_RETRIES: Final = RetryConfig()
"""A part of a running transfer, by default: an hour, for as long as an Upload lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong: a status with its headers, or None for a connection that gave no answer."""

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)


def pause_before_retry(
    failure: Failure,
    config: RetryConfig,
    *,
    codes: Collection[str] = RETRIED_CODES,
    attempt: int,
    elapsed_ms: float,
    now: datetime,
    dice: float,
) -> float | None:
    """Milliseconds to wait before the next attempt, or None to give up.

    `attempt` counts from 0, `elapsed_ms` since the first one began, `dice` is in [0, 1).
    """
    if config.strategy == "none" or not _worth_it(failure, config, codes):
        return None
    backoff = config.backoff
    if elapsed_ms > backoff.max_elapsed_time:
        return None
    asked = retry_after_ms(failure.headers, now)
    if asked is not None:
        return min(asked, backoff.max_interval)
    try:
        grown = backoff.initial_interval * backoff.exponent**attempt
    except OverflowError:
        grown = backoff.max_interval
    return min(grown + dice * JITTER_MS, backoff.max_interval)


def _worth_it(failure: Failure, config: RetryConfig, codes: Collection[str]) -> bool:
    """Whether another attempt may end differently. The server's own word wins over the status."""
    if failure.status is None:
        return config.retry_connection_errors
    told = failure.headers.get("x-should-retry", "").lower()
    if told in {"true", "false"} and failure.status >= 400:
        return told == "true"
    return any(_matches(failure.status, code) for code in codes)


def _matches(status: int, code: str) -> bool:
    if code.lower().endswith("xx"):
        return str(status)[0] == code[0]
    return str(status) == code


def retry_after_ms(headers: Mapping[str, str], now: datetime) -> float | None:
    """What the server asked for, in milliseconds: `retry-after-ms`, else `Retry-After` in either form."""
    exact = _number(headers.get("retry-after-ms"))
    if exact is not None:
        return exact
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None:
        return seconds * 1000
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return max(0.0, (moment - now).total_seconds() * 1000)


def _number(text: str | None) -> float | None:
    """A finite number that is not negative, or None."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
