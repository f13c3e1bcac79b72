"""Running the application under uvicorn: listening, workers, TLS."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from uvicorn.supervisors import Multiprocess

from heavylift.api.lane import protocol_path

DESCRIPTORS: Final = 65_536
"""File descriptors that a process asks for. A shell or an init often gives 1,024 and allows far more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where and how to serve. `keep_alive` in seconds; `lane` takes bulk bodies past ASGI."""

    host: str
    port: int
    workers: int
    tls_cert: Path | None
    tls_key: Path | None
    keep_alive: float
    lane: bool


def serve(app: str, listening: Listening, *, announce: Callable[[str], None]) -> None:
    """Serve the application that the factory `app` ("module:function") builds, until told to stop.

    `announce` hears the base URL once clients may connect. Exits with status 3 if it cannot be.
    """
    config = uvicorn.Config(
        app,
        factory=True,
        host=listening.host,
        port=listening.port,
        workers=listening.workers,
        http=protocol_path(lane=listening.lane),
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # nothing here asks who the client of a proxy was
        timeout_keep_alive=int(listening.keep_alive),
        timeout_graceful_shutdown=5,
        ssl_certfile=listening.tls_cert,
        ssl_keyfile=listening.tls_key,
    )
    _take_descriptors()
    bound = config.bind_socket()
    bound.listen(config.backlog)  # who connects before the start is over waits, and is not refused
    scheme = "https" if config.is_ssl else "http"
    host = f"[{listening.host}]" if ":" in listening.host else listening.host
    announce(f"{scheme}://{host}:{bound.getsockname()[1]}/v1")
    if listening.workers == 1:
        uvicorn.Server(config).run(sockets=[bound])
    else:
        Multiprocess(config, sockets=[bound]).run()


def _take_descriptors() -> None:
    """Raise this process's limit of file descriptors as far as it may, and its workers' with it."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - Unix alone has it

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
