"""Routes that watch over the service: alive, ready."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from heavylift.api.lane import lane_of
from heavylift.api.openapi import REASONS
from heavylift.api.schemas import ErrorObject

router = APIRouter(tags=["Health"])

UNREADY: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorObject, "description": REASONS[status]} for status in (503, 507)
}


class Health(BaseModel):
    """A good answer."""

    status: str = "ok"


class Ready(Health):
    """A good answer of a service that can work. `bulk`: how the large bodies of this connection travel."""

    bulk: Literal["fast", "plain"]


@router.get("/healthz", operation_id="alive")
async def alive() -> Health:
    """The process runs and answers."""
    return Health()


@router.get("/readyz", operation_id="ready", responses=UNREADY)
async def ready(request: Request) -> Ready:
    """The catalog and the blob store really take and give something back. Found out once a second at most."""
    request.app.state.gate.check()
    await request.app.state.opening.context.readiness.check()
    return Ready(bulk="plain" if lane_of(request) is None else "fast")


# what some load balancers ask with
router.head("/healthz", operation_id="headAlive")(alive)
router.head("/readyz", operation_id="headReady", responses=UNREADY)(ready)
