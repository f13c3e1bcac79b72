"""Between a connection and uvicorn: the one module that knows what uvicorn hands over, and what it asks for.

`heavylift serve` does not need it: it runs its processes itself. It is for whoever runs the application by
uvicorn and wants the fast way of bodies. Documented is that `http` takes a class. Public, but in no prose:
with which arguments it is called, that `server_state.connections` holds what has a `shutdown()`,
`server_state.tasks` what must end before a stop, `total_requests` what was answered, and
`config.loaded_app`, `config.root_path`. A contract test looks after these, on the oldest uvicorn that is
known to have them and on the newest.
"""

import asyncio
from typing import Any, Final, cast

from heavylift.api.server.bounds import STATE, Shared
from heavylift.api.server.connection import Connection
from heavylift.api.server.hosting import Hosting


class UvicornConnection(Connection):
    """What uvicorn makes for each connection. Give it as `http`."""

    def __init__(
        self,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        shared: Shared = app_state[STATE]
        if shared.host is None:
            shared.host = Hosting(config.loaded_app, server_state, app_state, root_path=config.root_path)
        super().__init__(shared.host, _loop or asyncio.get_running_loop())


PROTOCOL: Final = cast("type[asyncio.Protocol]", UvicornConnection)
"""What to give uvicorn as `http`. It is a buffered protocol, which uvicorn hands to the loop all the same."""
