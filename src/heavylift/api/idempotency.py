"""The header Idempotency-Key: a creation that is repeated under the same key is done once."""

from typing import Final

from starlette.datastructures import Headers

from heavylift.domain.errors import InvalidRequest
from heavylift.domain.idempotency import KEPT_SECONDS, check_key

HEADER: Final = "idempotency-key"

OFFER: Final = {"heavylift-idempotency": str(KEPT_SECONDS)}
"""In the answers of lists: this server honours keys, for so many seconds. A client that lost the answer of a
creation asks for a list to learn whether it may repeat it."""


def idempotency_key(headers: Headers) -> str | None:
    """The key that the client sent, None for none. Raises InvalidRequest for two, or for what is none."""
    keys = headers.getlist(HEADER)
    if len(keys) > 1:
        raise InvalidRequest(
            "A request has one Idempotency-Key, this has several. Send one.", param="Idempotency-Key"
        )
    return check_key(keys[0]) if keys else None
