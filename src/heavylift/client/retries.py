"""When to try again, and after how long. Pure: no clock, no sleep, no dice of its own."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal, TypeGuard

from heavylift.client.errors import unfit

RETRIED_CODES: Final = (
    *("408", "425", "429", "500", "502", "503", "504", "507"),
    *(str(code) for code in range(520, 530)),
)
"""The statuses that are tried again unless the caller names others; `5xx` names a family.

408 is a body that came too slowly, 425 and 429 ask for another time, 507 is a disk that may be cleared;
520 to 529 are what content delivery networks say of a server behind them.
"""

JITTER_MS: Final = 1000
"""Up to this much is added at random to each pause, so that clients do not come back in step."""


@dataclass(frozen=True, slots=True)
class BackoffStrategy:
    """How pauses grow. All in milliseconds but the exponent. Raises SDKValidationError for what cannot be."""

    initial_interval: int = 500
    max_interval: int = 60_000
    exponent: float = 1.5
    max_elapsed_time: int = 3_600_000

    def __post_init__(self) -> None:
        for name in ("initial_interval", "max_interval", "max_elapsed_time"):
            value = getattr(self, name)
            if not (is_number(value) and value >= 0):
                raise unfit(name, f"must be a number of milliseconds, 0 or more, not {value!r}")
        if self.initial_interval > self.max_interval:
            raise unfit(
                "initial_interval", f"is {self.initial_interval}, above max_interval ({self.max_interval})"
            )
        if not (is_number(self.exponent) and self.exponent >= 1):
            raise unfit(
                "exponent", f"must be a number of 1 or more, so that pauses grow, not {self.exponent!r}"
            )


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """Whether to try again at all, how, and whether after a broken connection too.

    `await_server`: as long as that also for a server that refuses connections and never gave this client an
    answer. Without it, such a server is given up after three seconds, on this machine at once.
    `max_retries` bounds the repetitions of each request, beside the time that `backoff` allows.
    Raises SDKValidationError for what cannot be.
    """

    strategy: Literal["backoff", "none"] = "backoff"
    backoff: BackoffStrategy = field(default_factory=BackoffStrategy)
    retry_connection_errors: bool = True
    await_server: bool = True
    max_retries: int | None = None

    def __post_init__(self) -> None:
        if self.strategy not in ("backoff", "none"):
            raise unfit("strategy", f'must be "backoff" or "none", not {self.strategy!r}')
        if not isinstance(self.backoff, BackoffStrategy):
            raise unfit("backoff", f"must be a BackoffStrategy, not {self.backoff!r}")
        for name in ("retry_connection_errors", "await_server"):
            if not isinstance(getattr(self, name), bool):
                raise unfit(name, f"must be True or False, not {getattr(self, name)!r}")

        most = self.max_retries
        if most is not None and not (isinstance(most, int) and not isinstance(most, bool) and most >= 0):
            raise unfit("max_retries", f"must be a whole number, 0 or more, not {most!r}")

    def within(self, most_ms: int | None) -> "RetryConfig":
        """The same, for so many milliseconds at most."""
        if most_ms is None or most_ms >= self.backoff.max_elapsed_time:
            return self
        return replace(self, backoff=replace(self.backoff, max_elapsed_time=most_ms))


def check_retries(name: str, config: object) -> None:
    """Raises SDKValidationError for an argument of that name that is neither None nor a RetryConfig."""
    if config is not None and not isinstance(config, RetryConfig):
        raise unfit(name, f"must be a RetryConfig, not {config!r}")


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite number; a boolean is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


DEFAULT_RETRIES: Final = RetryConfig(backoff=BackoffStrategy(max_elapsed_time=30_000), await_server=False)
"""A single call, by default: half a minute, so that a wrong URL is told soon."""

PATIENT_RETRIES: Final = RetryConfig(await_server=False)
"""A part of a running transfer, by default: an hour, for as long as an Upload lives."""


FINISHING_MS: Final = 300_000
"""What a `complete` is tried for at most, by default: all bytes are there, but the server is in trouble."""

UNREACHED_MS: Final = 3_000
"""How long a server is tried that refuses connections and never gave this client an answer, by default:
a service that is just starting is there by then, and a wrong port stays one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong: a status with its headers, or None for a connection that gave no answer.

    `strange`: the answer is not of the server that is asked.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    strange: bool = False


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

    What the server asks for is the least, not the most: "0" or a moment that is past does not undo the
    growth. No pause reaches beyond the time that is left; the last attempt is at its end.
    `attempt` counts from 0, `elapsed_ms` since the first one began, `dice` is in [0, 1).
    """
    if config.strategy == "none" or not _worth_it(failure, config, codes):
        return None
    if config.max_retries is not None and attempt >= config.max_retries:
        return None
    backoff = config.backoff
    left = backoff.max_elapsed_time - elapsed_ms
    asked = min(retry_after_ms(failure.headers, now) or 0.0, backoff.max_interval)
    if left <= 0 or asked > left:
        return None
    jitter = dice * JITTER_MS
    pause = min(_grown(backoff, attempt) + jitter, backoff.max_interval)
    if asked > pause - jitter:  # all who were told the same do not come back at the same moment
        pause = asked + jitter
    return min(pause, left)


def _grown(backoff: BackoffStrategy, attempt: int) -> float:
    try:
        return backoff.initial_interval * backoff.exponent**attempt
    except OverflowError:
        return backoff.max_interval


def _worth_it(failure: Failure, config: RetryConfig, codes: Collection[str]) -> bool:
    """Whether another attempt may end differently. The server's own word wins over the status."""
    if failure.status is None:
        return config.retry_connection_errors
    told = failure.headers.get("x-should-retry", "").lower()
    if told in {"true", "false"} and failure.status >= 400:
        return told == "true"
    return failure.strange or any(_matches(failure.status, code) for code in codes)


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
        return None if moment.tzinfo is None else max(0.0, (moment - now).total_seconds() * 1000)
    except (ValueError, OverflowError, TypeError, IndexError):  # what the parser raises on odd dates
        return None


def _number(text: str | None) -> float | None:
    """A finite number that is not negative, or None."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
