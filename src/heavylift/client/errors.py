"""Everything the SDK may raise on purpose, as one tree.

HeavyliftError                    the root: catch this one to catch all of them
├── SDKError                      the server answered, and the answer is a no
│   ├── BadRequestError           400: the request cannot be right
│   ├── AuthenticationError       401: no key, or a wrong one
│   ├── PermissionDeniedError     403: the key may not do this
│   ├── NotFoundError             404: unknown, or someone else's
│   ├── MethodNotAllowedError     405: the server does not have this operation
│   ├── ConflictError             409: the state does not allow it
│   ├── PayloadTooLargeError      413: more bytes than one request may carry
│   ├── UnprocessableEntityError  422: understood, but not valid
│   ├── RateLimitError            429: too many requests
│   └── ServerError               500 and above: the server's fault
├── SDKValidationError            an argument or an answer does not fit its description
├── HTTPClientError               there is no answer
│   ├── ConnectionError           no connection, or it broke
│   │   └── CertificateError      the server's certificate is not believed
│   ├── RequestTimeoutError       silence for longer than `timeout_ms`
│   ├── RequestAbortedError       given up on request of the caller
│   ├── InvalidRequestError       the request could not even be made
│   │   └── MissingKeyError       nothing says which API key to send
│   └── UnexpectedClientError     anything else below HTTP
├── FileChangedError              the file was changed while it was being read, here or on the server
├── CorruptedError                bytes arrived that are not those that were sent
└── ResumeError                   this upload cannot be continued
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import ValidationError

from heavylift.client.travelling import portable, rebuilt

__all__ = [
    "AuthenticationError",
    "BadRequestError",
    "CertificateError",
    "ConflictError",
    "ConnectionError",
    "CorruptedError",
    "FileChangedError",
    "HTTPClientError",
    "HeavyliftError",
    "InvalidRequestError",
    "MethodNotAllowedError",
    "MissingKeyError",
    "NotFoundError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestAbortedError",
    "RequestTimeoutError",
    "ResumeError",
    "SDKError",
    "SDKValidationError",
    "ServerError",
    "UnexpectedClientError",
    "UnprocessableEntityError",
]


class HeavyliftError(Exception):
    """The root of the tree. It comes out of another process as it went in, but for secrets.

    What only an answer tells is None where there is no answer: whoever catches this may look at it.
    """

    status_code: int | None = None
    code: str | None = None
    param: str | None = None
    type: str | None = None
    request_id: str | None = None

    @property
    def message(self) -> str:
        """What went wrong."""
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuilt, (type(self), self.args, portable(self.__dict__))


class SDKError(HeavyliftError):
    """The server answered with something else than was hoped for.

    `code`, `param` and `type` come from the protocol's error envelope and are None
    where the answer has none; `request_id` is what to quote when asking for support;
    `raw_response` is the HTTP library's response, as it came.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        headers: Mapping[str, str],
        body: str = "",
        raw_response: Any = None,
    ) -> None:
        super().__init__(message)
        self._message = message
        self.status_code: int = status_code
        self.headers = headers
        self.content_type = headers.get("content-type", "")
        self.body = body
        self.raw_response = raw_response
        envelope = _envelope(body)
        self.code = envelope.get("code")
        self.param = envelope.get("param")
        self.type = envelope.get("type")
        self.request_id = headers.get("x-request-id")

    @property
    def message(self) -> str:
        """What the server said."""
        return self._message

    @property
    def response(self) -> Any:
        """`raw_response`, by openai-python's name."""
        return self.raw_response


class BadRequestError(SDKError):
    """400: the request cannot be right."""


class AuthenticationError(SDKError):
    """401: no key, or a wrong one."""


class PermissionDeniedError(SDKError):
    """403: the key may not do this."""


class NotFoundError(SDKError):
    """404: unknown, or someone else's; or the server does not have this operation."""


class MethodNotAllowedError(SDKError):
    """405: the server does not have this operation."""


class ConflictError(SDKError):
    """409: the state does not allow it."""


class PayloadTooLargeError(SDKError):
    """413: more bytes than one request may carry."""


class UnprocessableEntityError(SDKError):
    """422: understood, but not valid."""


class RateLimitError(SDKError):
    """429: too many requests."""


class ServerError(SDKError):
    """500 and above: the server's fault."""


_BY_STATUS: Mapping[int, type[SDKError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    409: ConflictError,
    413: PayloadTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}

_SHOWN = 500
"""Characters of a body that is not ours to show in a message: an HTML page is not read there."""


def error_for(status: int, headers: Mapping[str, str], body: str, raw: Any) -> SDKError:
    """The error of an answer, of the class that its status asks for."""
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else SDKError)
    said = _envelope(body).get("message")
    if said is None:
        content_type = headers.get("content-type", "")
        said = f"API error occurred: Status {status} Content-Type {content_type} Body {body[:_SHOWN]}"
    return kind(said, status_code=status, headers=headers, body=body, raw_response=raw)


def is_envelope(body: str) -> bool:
    """Whether an error's body is the protocol's, and so the word of the server itself."""
    return "type" in _envelope(body)


def _envelope(body: str) -> dict[str, Any]:
    """What stands under `error`, as far as it is the protocol's; empty otherwise."""
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):  # nested deeper than any answer of ours
        return {}
    if not isinstance(error, dict):
        return {}
    return {key: value for key, value in error.items() if isinstance(value, str)}


class SDKValidationError(HeavyliftError):
    """An argument (before anything is sent) or an answer does not fit its description."""

    def __init__(self, message: str, *, cause: Exception, raw_value: Any = None) -> None:
        super().__init__(f"{message}: {_first_reason(cause)}")
        self.raw_message = message
        self.raw_value = raw_value
        self.cause = cause

    def pretty(self) -> str:
        """Every field at fault on a line of its own, with what is wrong with it."""
        if not isinstance(self.cause, ValidationError):
            return f"{self.raw_message}\n  {self.cause}"
        reasons = (f"  {_place(error)}: {error['msg']}" for error in self.cause.errors())
        return "\n".join([self.raw_message, *reasons])


def unfit(name: str, said: str) -> SDKValidationError:
    """The error for an argument that cannot be."""
    return SDKValidationError("Input validation failed", cause=ValueError(f"{name}: {said}"))


def _place(error: Any) -> str:
    return ".".join(str(step) for step in error["loc"]) or "value"


def _first_reason(cause: Exception) -> str:
    if not isinstance(cause, ValidationError):
        return str(cause)
    errors = cause.errors()
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{_place(errors[0])}: {errors[0]['msg']}{more}"


class HTTPClientError(HeavyliftError):
    """There is no answer. `cause` is the HTTP library's own error, where there is one.

    `reached` tells whether the request may have reached the server, `refused` whether nobody listens there.
    """

    remedy: ClassVar[str] = ""

    def __init__(self, message: str, *, cause: BaseException | None = None) -> None:
        super().__init__(f"{message}. {self.remedy}" if self.remedy else message)
        self.cause = cause
        self.reached = True
        self.refused = False


class ConnectionError(HTTPClientError):
    """No connection, or it broke before the answer was complete."""

    remedy = "Is the server running, and is this its URL?"


class CertificateError(ConnectionError):
    """The server's certificate is not believed, so nothing was sent. It is not tried again on a server
    that has never answered this client."""

    remedy = (
        "If its authority is a private one, name the file of the authority's certificate with ca_cert=,"
        " HEAVYLIFT_CA_CERT or --ca-cert"
    )


class RequestTimeoutError(HTTPClientError):
    """The other side was silent for longer than `timeout_ms`."""

    remedy = "Give more time with timeout_ms, or look whether the server hangs"


class RequestAbortedError(HTTPClientError):
    """Given up because the caller asked for it, or because a sibling request failed."""


class InvalidRequestError(HTTPClientError):
    """The request could not even be made: a bad URL, key, header or kind of argument."""


class MissingKeyError(InvalidRequestError):
    """Nothing says which API key to send: no argument, variable, profile or installation."""


class UnexpectedClientError(HTTPClientError):
    """Anything else below HTTP."""


class FileChangedError(HeavyliftError):
    """The file was changed while it was being read, here or on the server: what came of it is no one file."""


class CorruptedError(HeavyliftError):
    """Bytes arrived that are not those that were sent, repeatedly."""


class ResumeError(HeavyliftError):
    """This upload cannot be continued; the message says why and what to do instead."""
