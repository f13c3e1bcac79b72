"""Which server the commands talk to, with which key, and a client of the SDK for it."""

import logging
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from heavylift.cli.exits import USAGE, fail, say
from heavylift.client.local import LOCAL_SERVER
from heavylift.client.retries import BackoffStrategy, RetryConfig

if TYPE_CHECKING:
    from heavylift.client.client import Heavylift
    from heavylift.client.hooks import Hooks

BASE_URL_VARIABLES: Final = ["HEAVYLIFT_BASE_URL", "OPENAI_BASE_URL"]
API_KEY_VARIABLES: Final = ["HEAVYLIFT_API_KEY", "OPENAI_API_KEY"]

BRIEF: Final = RetryConfig(backoff=BackoffStrategy(max_elapsed_time=3_000), await_server=False)
"""For single questions: somebody sits and waits for the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where to, with which key, and how long a silence of the network is borne, in seconds."""

    url: str
    api_key: str | None = field(repr=False)
    timeout: float | None = None

    @property
    def timeout_ms(self) -> int | None:
        """The same in milliseconds, for the SDK."""
        return None if self.timeout is None else round(self.timeout * 1000)


def chosen(*, base_url: str | None, api_key: str | None, timeout: float | None) -> Server:
    """What was given; the local server and the key in its data folder otherwise."""
    if timeout is not None and not math.isfinite(timeout):
        fail("--timeout is a number of seconds, such as 30.", status=USAGE)
    url = (base_url or LOCAL_SERVER).rstrip("/")
    if api_key is None and url == LOCAL_SERVER:
        api_key = local_key()
    return Server(url=url, api_key=api_key, timeout=timeout)


def local_key() -> str | None:
    """The key that `heavylift serve` keeps in its data folder; None where there is none to read."""
    folder = Path(os.environ.get("HEAVYLIFT_DATA") or "heavylift-data")
    try:
        folder = folder.expanduser()
        return (folder / "api-key").read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError, RuntimeError):
        return None


def server_of(context: typer.Context) -> Server:
    """What the options in front of the command have chosen."""
    server = context.find_root().obj
    assert isinstance(server, Server), "the root command sets it"
    return server


@contextmanager
def connected(
    context: typer.Context, *, retries: RetryConfig | None = BRIEF, hooks: "Sequence[Hooks]" = ()
) -> "Iterator[Heavylift]":
    """A client for the length of a `with` block. What it raises ends the command in one line."""
    from heavylift.cli.failures import explained, status_of
    from heavylift.client.client import Heavylift
    from heavylift.client.errors import HeavyliftError

    server = server_of(context)
    _show_warnings()
    try:
        with Heavylift(
            api_key=server.api_key or "",  # a server may do without
            server_url=server.url,
            timeout_ms=server.timeout_ms,
            retry_config=retries,
            hooks=hooks,
        ) as client:
            yield client
    except BrokenPipeError:
        raise  # who reads our output has seen enough
    except (HeavyliftError, OSError) as error:
        fail(explained(error, server_url=server.url, secret=server.api_key), status=status_of(error))


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage().replace("timeout_ms", "--timeout"))


def _show_warnings() -> None:
    """Warnings of the SDK are lines like our own."""
    from heavylift.client.logs import LOGGER

    if not LOGGER.handlers:
        LOGGER.addHandler(_Lines())
        LOGGER.propagate = False
