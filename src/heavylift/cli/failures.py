"""What the SDK raises: its exit code, and one line that says what was wrong and what to do about it."""

from typing import Any, Final

from heavylift.cli.exits import FAILED, KEY_REFUSED, NOT_FOUND, UNREACHABLE, USAGE
from heavylift.client import errors

SHORTEST_SECRET: Final = 8
"""Characters of a key that is hidden in a message: a shorter one is no secret, and would tear words apart."""


def status_of(error: Exception) -> int:
    """The exit code for an error of the SDK or of a local file."""
    match error:
        case errors.NotFoundError():
            return NOT_FOUND
        case errors.AuthenticationError() | errors.PermissionDeniedError() | errors.MissingKeyError():
            return KEY_REFUSED
        case errors.InvalidRequestError():
            return USAGE
        case errors.HTTPClientError():
            return UNREACHABLE
        case errors.SDKValidationError() if not _of_an_answer(error):
            return USAGE
        case _:
            return FAILED


def facts_of(error: Exception) -> dict[str, Any]:
    """What the server's envelope said, for failures in JSON: fields that it has."""
    names = ("status_code", "code", "param", "type", "request_id")
    found = {name: getattr(error, name, None) for name in names}
    return {name: value for name, value in found.items() if isinstance(value, str | int)}


def _of_an_answer(error: errors.SDKValidationError) -> bool:
    """Whether a server's answer is at fault, not an argument."""
    return not error.raw_message.startswith("Input")


def explained(error: Exception, *, server_url: str, secret: str | None = None) -> str:
    """What was wrong and what to do about it. The key is never in it, even if the server repeats it."""
    said = in_words_of_commands(" ".join([_said(error), *getattr(error, "__notes__", ())]))
    sentence = said if said.endswith((".", "!", "?")) else f"{said}."
    remedy = _remedy(error, server_url)
    text = f"{sentence} {remedy}" if remedy else sentence
    return text.replace(secret, "<key>") if secret and len(secret) >= SHORTEST_SECRET else text


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror or error}".replace(" to=", " --to")
    return str(error)


WORDS: Final = {
    "timeout_ms": "--timeout",
    'api_key=""': '--api-key ""',
    "api_key=": "--api-key",
    "server_url=": "--base-url",
    "profile=": "--profile",
    "by ca_cert=": "by --ca-cert",
    "the same call": "the same command",
}
"""What the SDK calls arguments, and the command line options."""


def in_words_of_commands(said: str) -> str:
    """What the SDK says, as the command line does."""
    for argument, option in WORDS.items():
        said = said.replace(argument, option)
    return said


def _remedy(error: Exception, server_url: str) -> str:
    remedy = ""
    match error:
        case errors.AuthenticationError() | errors.PermissionDeniedError():
            remedy = (
                "Set HEAVYLIFT_API_KEY or --api-key to a key of this server; `heavylift doctor` checks it."
            )
        case errors.NotFoundError() if error.code == "unknown_url" or not error.type:
            remedy = f"The base URL is {server_url}: it should end in /v1, as a rule."
        case FileExistsError():
            remedy = "--force replaces it, --to names another place."
        case errors.MethodNotAllowedError():
            remedy = f"{server_url} does not have this operation: heavylift servers do."
        case errors.RateLimitError():
            remedy = "Wait a little, then run the same command again."
        case errors.ServerError() if error.request_id:
            remedy = f"Try again later; the request was {error.request_id}."
        case errors.HTTPClientError() if not isinstance(error, errors.InvalidRequestError):
            remedy = f"It is {server_url}; `heavylift doctor` tells more."
        case errors.SDKValidationError() if _of_an_answer(error):
            remedy = f"Is {server_url} really the URL of such a server? It ends in /v1, as a rule."
    return remedy
