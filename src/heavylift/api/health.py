"""Routes that watch over the service: alive, ready."""

from fastapi import APIRouter
from pydantic import BaseModel

from heavylift.api.context import Stories
from heavylift.api.openapi import REASONS
from heavylift.api.schemas import ErrorObject
from heavylift.domain.errors import ShuttingDown

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
async def ready(context: Stories) -> Health:
    """The catalog and the blob store really take and give something back."""
    if context.gate.closed:
        raise ShuttingDown("This server is stopping.")
    await context.catalog.ping()
    await context.blobs.ping()
    return Health()


for path, check in (("/healthz", alive), ("/readyz", ready)):
    router.head(path, include_in_schema=False)(check)  # what some load balancers ask with
