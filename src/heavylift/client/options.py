"""What a single call may ask for, apart from its arguments."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from heavylift.client.errors import unfit
from heavylift.client.retries import RetryConfig, check_retries, is_number

_CODE: Final = re.compile(r"[1-5](\d\d|xx)", re.IGNORECASE)
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """For one call; what is None is the client's.

    `timeout_ms` is the longest silence of the network that is borne, not the whole call's time;
    `retry_codes` are statuses like "429" or "5xx"; `http_headers` win over the client's own.
    """

    retries: RetryConfig | None = None
    retry_codes: Sequence[str] | None = None
    timeout_ms: int | None = None
    http_headers: Mapping[str, str] = field(default_factory=dict)
    server_url: str | None = None

    def __post_init__(self) -> None:
        check_retries("retries", self.retries)
        check_timeout(self.timeout_ms)
        _check_codes(self.retry_codes)
        check_headers(self.http_headers)


def check_timeout(milliseconds: object) -> None:
    """Raises SDKValidationError for what is neither None nor a number of milliseconds to wait."""
    if milliseconds is not None and not (is_number(milliseconds) and milliseconds > 0):
        raise unfit("timeout_ms", f"must be a number of milliseconds above 0, not {milliseconds!r}")


def check_headers(headers: object, *, name: str = "http_headers") -> None:
    """Raises SDKValidationError for what cannot be sent as headers. A value is never in the error."""
    if not isinstance(headers, Mapping):
        raise unfit(name, f"must be a mapping, not {type(headers).__name__}")
    for header, value in headers.items():
        if not (isinstance(header, str) and _HEADER.fullmatch(header)):
            raise unfit(name, f"{header!r} is not the name of a header")
        if not (isinstance(value, str) and _HEADER_VALUE.fullmatch(value)):
            raise unfit(name, f"the value of {header} must be text in visible ASCII characters")


def _check_codes(codes: object) -> None:
    if codes is None:
        return
    if isinstance(codes, str) or not isinstance(codes, Sequence):
        raise unfit("retry_codes", 'must be a list such as ["429", "5xx"]')
    for code in codes:
        if not (isinstance(code, str) and _CODE.fullmatch(code)):
            raise unfit("retry_codes", f'each is a text such as "429" or "5xx", not {code!r}')


NO_OPTIONS = RequestOptions()
