"""The application: routes, documentation, and the middleware around them."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from heavylift._version import __version__
from heavylift.api import files, health, identity, uploads
from heavylift.api.cors import CrossOrigin
from heavylift.api.errors import add_error_handlers
from heavylift.api.frame import Frame
from heavylift.api.gate import Gate
from heavylift.api.hot import Hot
from heavylift.api.openapi import DESCRIPTION, TITLE, as_answered
from heavylift.api.opening import Opening
from heavylift.api.pages import OwnPages
from heavylift.api.screen import Screen
from heavylift.api.server.bounds import STATE, Bounds, Shared
from heavylift.domain.purposes import PURPOSES

Running = Callable[[], AbstractAsyncContextManager[Opening]]


def create_app(
    running: Running,
    *,
    bounds: Bounds,
    gate: Gate,
    cors_origins: Sequence[str] = (),
    answers_to: Callable[[str], bool] | None = None,
    compatible_paths: bool = False,
    purposes: Collection[str] = PURPOSES,
    access_log: bool = True,
) -> ASGIApp:
    """The whole service as an ASGI application.

    `running` opens everything behind the routes when the server starts and closes it when
    it stops. `bounds` and `gate` reach the server through the lifespan's state: the one bounds its
    connections, the other it shuts when it is to stop. `answers_to` judges the host's names and keeps
    web pages of elsewhere out, where no key is asked for. `compatible_paths` answers without the prefix
    /v1 too, and under /openai and /openai/v1. `purposes` are those that the documentation offers.
    `access_log`: a line for each request.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with running() as opening:
            app.state.opening, app.state.gate = opening, gate
            yield {STATE: Shared(bounds=bounds, hot=hot), "gate": gate}

    app = FastAPIOffline(
        title=TITLE,
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        swagger_ui_parameters={"persistAuthorization": True, "tryItOutEnabled": True},
        redirect_slashes=False,  # a path is right or unknown; a redirected body would travel twice
    )
    app.include_router(health.router)
    for router in (uploads.router, files.router, identity.router):
        app.include_router(router, prefix="/v1")
    add_error_handlers(app)
    app.openapi = partial(as_answered, app.openapi, purposes)  # type: ignore[method-assign]
    stack: ASGIApp = CrossOrigin(Screen(app, compatible=compatible_paths), origins=cors_origins)
    refuses = None
    if answers_to is not None:
        stack = own = OwnPages(stack, answers_to=answers_to, origins=cors_origins)
        refuses = own.refusal
    hot = Hot(app, compatible=compatible_paths, refuses=refuses, access_log=access_log)
    return Frame(stack, access_log=access_log)
