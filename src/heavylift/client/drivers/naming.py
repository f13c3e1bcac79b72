"""What fails below HTTP, in the SDK's own errors."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from heavylift.client import errors
from heavylift.client.errors import HTTPClientError, InvalidRequestError
from heavylift.client.logs import without_password
from heavylift.client.proxies import Proxy, proxy_for

_BEFORE_ANYTHING = (
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ConnectError,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
    httpx2.InvalidURL,
)
"""What happens before a byte of the request is sent."""


@contextmanager
def naming(url: str = "", *, environment: bool = True) -> Iterator[None]:
    """Raise the SDK's error for what the HTTP library raises about a request for this URL.

    `environment`: the proxy that stands between is the one that the environment names.
    """
    try:
        yield
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise named(error, url, proxy_for(url) if environment and url else None) from error


def named(error: Exception, url: str, proxy: Proxy | None) -> HTTPClientError:
    """The SDK's error for one of the HTTP library's. `reached` tells whether the request may have arrived."""
    said = str(error) or type(error).__name__
    failed: HTTPClientError
    match error:
        case httpx2.ConnectTimeout():
            failed = errors.RequestTimeoutError(
                f"{_whom(url, proxy)} could not be reached in time", cause=error
            )
        case httpx2.PoolTimeout():
            failed = errors.RequestTimeoutError("No connection was free in time", cause=error)
        case httpx2.TimeoutException():
            failed = errors.RequestTimeoutError(
                f"The server was silent for too long ({type(error).__name__})", cause=error
            )
        case httpx2.UnsupportedProtocol() | httpx2.LocalProtocolError() | httpx2.InvalidURL():
            failed = InvalidRequestError(f"The request could not be made: {said}", cause=error)
        case httpx2.ConnectError() if (reason := _disbelieved(error)) is not None:
            failed = errors.CertificateError(
                f"The certificate of {_whom(url, None)} is not believed: {reason}", cause=error
            )
        case httpx2.ConnectError() | httpx2.ProxyError():
            failed = errors.ConnectionError(f"Could not connect to {_whom(url, proxy)}: {said}", cause=error)
            failed.refused = _is_refused(error) and proxy is None
        case httpx2.TransportError():
            failed = errors.ConnectionError(f"The connection broke: {said}", cause=error)
        case _:
            failed = errors.UnexpectedClientError(f"Unexpected HTTP client error: {said}", cause=error)
    failed.reached = not isinstance(error, _BEFORE_ANYTHING)
    return failed


def _whom(url: str, proxy: Proxy | None) -> str:
    """Whom a connection for this URL is made to: the proxy that stands before the server is named as such."""
    if proxy is not None:
        return f"the proxy {proxy.url} (named by {proxy.variable})"
    return without_password(url).partition("?")[0] or "the server"


def _is_refused(error: BaseException) -> bool:
    """Whether the other machine answered that nobody listens there."""
    return any(isinstance(cause, ConnectionRefusedError) for cause in _causes(error))


def _disbelieved(error: BaseException) -> str | None:
    """Why the certificate was not believed, in OpenSSL's words; None if it is not about that."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (cause.verify_message or cause.reason or str(cause)).rstrip(".")
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
