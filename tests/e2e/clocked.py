"""The service on a real socket with a clock that the test turns: hours pass in no time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from heavylift.api.server.adapter import PROTOCOL
from heavylift.settings import Settings
from heavylift.wiring import build_app
from tests.e2e.wire import eventually
from tests.installations import Installation
from tests.serving import KEY


@dataclass
class Clock:
    """Unix time in seconds, as the test wants it."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Clocked:
    """A service in a thread. `url` ends in /v1."""

    url: str
    key: str
    clock: Clock
    installation: Installation

    def blobs(self) -> list[str]:
        """The names of all its blobs."""
        return self.installation.blobs()


class _Server(uvicorn.Server):
    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.servers[0].sockets[0].getsockname()[1])


@contextmanager
def clocked(installation: Installation, **settings: object) -> Iterator[Clocked]:
    """The service on that installation, stopped in the end."""
    clock = Clock()
    set_to = Settings.model_validate(
        {
            "data": installation.folder, "catalog": installation.catalog, "blobs": installation.blobs_url,
            "bootstrap_key": KEY, "sweep_interval": 0.05, **settings,
        }
    )  # fmt: skip
    config = uvicorn.Config(
        build_app(set_to, clock=clock),
        host="127.0.0.1",
        port=0,
        http=PROTOCOL,
        ws="none",
        lifespan="on",
        log_config=None,
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, name="clocked-server")
    thread.start()
    try:
        eventually(lambda: server.started or not thread.is_alive())
        assert server.started, "the service did not start"
        url = f"http://127.0.0.1:{server.port}/v1"
        yield Clocked(url=url, key=KEY, clock=clock, installation=installation)
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()
