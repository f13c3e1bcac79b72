"""Which server the commands talk to, with which key, and a client of the SDK for it."""

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import typer

from heavylift.cli.exits import USAGE, fail, say
from heavylift.client.retries import BackoffStrategy, RetryConfig

if TYPE_CHECKING:
    from heavylift.client.client import Heavylift
    from heavylift.client.config import Setting
    from heavylift.client.endpoint import Endpoint
    from heavylift.client.hooks import Hooks

BRIEF: Final = RetryConfig(backoff=BackoffStrategy(max_elapsed_time=3_000), await_server=False)
"""For single questions: somebody sits and waits for the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What was decided, and how long a silence of the network is borne, in seconds."""

    found: "Endpoint"
    timeout: float | None = None

    @property
    def url(self) -> str:
        """Its base URL."""
        return self.found.url

    @property
    def api_key(self) -> str:
        """The key; empty where there is none."""
        return self.found.key if isinstance(self.found.key, str) else ""

    def setting(
        self, *, retries: RetryConfig | None, hooks: "Sequence[Hooks]" = (), silence_ms: int | None = None
    ) -> "Setting":
        """The same for a client, whose key may be empty. `silence_ms` where no timeout is given."""
        from heavylift.client.config import set_to

        return set_to(
            replace(self.found, key=self.api_key),
            timeout_ms=silence_ms if self.timeout is None else round(self.timeout * 1000),
            retry_config=retries,
            hooks=hooks,
        )


@dataclass(slots=True, kw_only=True)
class Options:
    """What stands in front of a command. Nothing is decided before a command needs a server."""

    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    profile: str | None = None
    ca_cert: str | None = None
    timeout: float | None = None
    _server: Server | None = None

    def server(self) -> Server:
        """The server and its key, as the SDK would decide. What cannot be used ends the command."""
        if self._server is None:
            self._server = self._decided()
        return self._server

    def _decided(self) -> Server:
        from heavylift.cli.failures import explained, status_of
        from heavylift.client.errors import HeavyliftError

        if self.timeout is not None and not math.isfinite(self.timeout):
            fail("--timeout is a number of seconds, such as 30.", status=USAGE)
        try:
            return self.located()
        except HeavyliftError as error:
            fail(explained(error, server_url=self.base_url or ""), status=status_of(error))

    def located(self) -> Server:
        """The same, without a word. Raises HeavyliftError."""
        from heavylift.client.locating import Given, locate

        given = Given(url=self.base_url, key=self.api_key, profile=self.profile, ca_cert=self.ca_cert)
        return Server(found=locate(given), timeout=self.timeout)


def options_of(context: typer.Context) -> Options:
    """The options in front of the command."""
    options = context.find_root().obj
    assert isinstance(options, Options), "the root command sets it"
    return options


def server_of(context: typer.Context) -> Server:
    """What they have chosen."""
    return options_of(context).server()


@contextmanager
def connected(
    context: typer.Context, *, retries: RetryConfig | None = BRIEF, hooks: "Sequence[Hooks]" = ()
) -> "Iterator[Heavylift]":
    """A client for the length of a `with` block. What it raises ends the command in one line."""
    from heavylift.client.errors import MissingKeyError

    server = server_of(context)
    with said(server):
        if server.found.key is None:
            raise MissingKeyError(server.found.lacking_key())
        from heavylift.client.client import Heavylift

        _show_warnings()
        with Heavylift.of(server.setting(retries=retries, hooks=hooks)) as client:
            yield client


@contextmanager
def said(server: Server) -> Iterator[None]:
    """What the SDK raises about this server ends the command in one line."""
    from heavylift.cli.failures import explained, facts_of, status_of
    from heavylift.client.errors import HeavyliftError

    try:
        yield
    except BrokenPipeError:
        raise  # who reads our output has seen enough
    except (HeavyliftError, OSError) as error:
        fail(
            explained(error, server_url=server.url, secret=server.api_key),
            status=status_of(error),
            facts=facts_of(error),
        )


class Lines(logging.Handler):
    """Records of the log as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage().replace("timeout_ms", "--timeout"))


def _show_warnings() -> None:
    """Warnings of the SDK are lines like our own."""
    from heavylift.client.logs import LOGGER

    if not LOGGER.handlers:
        LOGGER.addHandler(Lines())
        LOGGER.propagate = False
