"""Running the service: what is bound and loaded first, then one process or several."""

import asyncio
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp

from heavylift.api.running.listening import CannotServe, Listening
from heavylift.api.running.single import serve_alone
from heavylift.api.running.supervisor import Supervisor
from heavylift.api.running.worker import load

__all__ = ["CannotServe", "Listening", "Prepared", "prepare"]

DESCRIPTORS: Final = 65_536
"""File descriptors that a process asks for. A shell or an init often gives 1,024 and allows far more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A service that can be started: its port is bound, though nobody is heard yet. `loaded` is the
    application of a process that serves alone."""

    app: str
    listening: Listening
    bound: socket.socket
    loaded: ASGIApp | None

    def serve(
        self,
        *,
        reload: Callable[[], Listening | None],
        announce: Callable[[str, str], None],
        withdraw: Callable[[], None],
    ) -> int:
        """Serve until told to stop, and say the exit status.

        `announce` hears the base URL, and that for clients on this machine, once requests are answered;
        `withdraw` is called when the service is told to stop; `reload` reads the settings anew when workers
        are to be replaced (None: better not).
        """

        def say() -> None:
            announce(self.listening.url(self.bound), self.listening.url_here(self.bound))

        if self.loaded is not None:
            return serve_alone(self.loaded, self.listening, self.bound, announce=say, withdraw=withdraw)
        supervisor = Supervisor(
            self.app, self.listening, self.bound, reload=reload, announce=say, withdraw=withdraw
        )
        return asyncio.run(supervisor.run())


def prepare(app: str, listening: Listening) -> Prepared:
    """Bind and load what can be wrong, before anything is made. Raises CannotServe.

    `app` names the factory of the application as "module:factory".
    """
    bound = listening.bind()
    try:
        listening.certificate()
        loaded = load(app) if listening.workers == 1 else None
    except BaseException:
        bound.close()
        raise
    _take_descriptors()
    return Prepared(app=app, listening=listening, bound=bound, loaded=loaded)


def _take_descriptors() -> None:
    """Raise this process's limit of file descriptors as far as it may, and its workers' with it."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - Unix alone has it

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
