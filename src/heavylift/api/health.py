"""Routes that watch over the service: alive, ready."""

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from heavylift.api.openapi import REASONS
from heavylift.api.schemas import ErrorObject

router = APIRouter(tags=["Health"])


class Health(BaseModel):
    """A good answer."""

    status: str = "ok"


@router.get("/healthz", operation_id="alive")
async def alive() -> Health:
    """The process runs and answers."""
    return Health()


@router.get(
    "/readyz",
    operation_id="ready",
    responses={status: {"model": ErrorObject, "description": REASONS[status]} for status in (503, 507)},
)
async def ready(request: Request) -> Health:
    """The catalog and the blob store really take and give something back. Found out once a second at most."""
    request.app.state.gate.check()
    await request.app.state.opening.context.readiness.check()
    return Health()


for path, check in (("/healthz", alive), ("/readyz", ready)):
    router.head(path, include_in_schema=False)(check)  # what some load balancers ask with
