"""What a single call may ask for, apart from its arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from heavylift.client.retries import RetryConfig


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


NO_OPTIONS = RequestOptions()
