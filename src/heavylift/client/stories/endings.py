"""Which failures end an Upload for good, and what is said of it then."""

from typing import Final

from heavylift.client.errors import FileChangedError, SDKError

_FINAL_STATUSES: Final = frozenset({400, 404, 409, 410, 413, 422})

_FINAL: Final = (
    FileChangedError,
    FileNotFoundError,  # what a part says that is about to read a file just removed
)


def ends_upload(error: BaseException) -> bool:
    """Whether going on with the same Upload cannot end better.

    Of answers, only one in the protocol's envelope that means this Upload: a proxy's 404 or 400 comes and
    goes, and an unknown URL says nothing of what is behind the right one.
    """
    if not isinstance(error, SDKError):
        return isinstance(error, _FINAL)
    unknown_url = error.code == "unknown_url" or error.message.startswith("Invalid URL")
    return error.status_code in _FINAL_STATUSES and error.type is not None and not unknown_url


def kept(upload_id: str) -> str:
    """It waits for another run."""
    return f"The upload {upload_id} is kept: the same call goes on with it."


def cancelled(upload_id: str) -> str:
    """Nothing of it is left."""
    return f"The upload {upload_id} is cancelled, and nothing of it is kept."


def uncancelled(upload_id: str, error: BaseException) -> str:
    """The cancellation was refused or not heard."""
    return over(upload_id, error) if ends_upload(error) else pending(upload_id, error)


def over(upload_id: str, reason: object) -> str:
    """It has ended already: it expired, or its completion arrived and the answer did not."""
    return f"The upload {upload_id} is over, so it could not be cancelled ({reason})."


def pending(upload_id: str, reason: object = "interrupted again") -> str:
    """It could not be cancelled."""
    return f"The upload {upload_id} could not be cancelled ({reason}): it stays pending until it expires."


PERHAPS_CREATED: Final = "An upload may have been created that holds nothing: it expires by itself."
