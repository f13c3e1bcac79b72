"""The route that says who is asking, and who answers."""

from fastapi import APIRouter

from heavylift._version import __version__
from heavylift.api.context import Caller, Stories
from heavylift.api.openapi import OURS, responses
from heavylift.api.schemas import IdentityObject

router = APIRouter(tags=["Identity"])


@router.get("/whoami", operation_id="whoami", responses=responses(), openapi_extra=OURS)
async def whoami(context: Stories, caller: Caller) -> IdentityObject:
    """Tell the project that the key opens, and this service's version. Extension of heavylift."""
    return IdentityObject(
        version=__version__, project=caller.name, project_id=caller.id, key_required=context.authenticate
    )
