"""Whose certificates are believed, as the `ssl` module takes it."""

import os
import ssl

import httpx2

from heavylift.client.endpoint import ARGUMENT, Trust
from heavylift.client.errors import InvalidRequestError


def trusted(trust: Trust) -> ssl.SSLContext:
    """What a client believes. Raises InvalidRequestError for certificates that cannot be read."""
    if trust.pinned is not None:
        return _pinned(trust.pinned)
    if trust.file is None:
        return _of_system()
    try:
        context = ssl.create_default_context(cafile=os.path.expanduser(trust.file))
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; a path may hold a zero byte
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise InvalidRequestError(
            f"The CA certificate {trust.file} (named by {trust.named_by}) cannot be used: {reason}",
            cause=error,
        ) from error
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an authority below another is one, too
    return context


def check_own(http_client: object, trust: Trust) -> None:
    """A client that was given brings its own certificates. Raises InvalidRequestError where others are given,
    too."""
    if http_client is not None and trust.named_by == ARGUMENT:
        raise InvalidRequestError(
            f"{ARGUMENT} is not for an http_client of your own: make that with verify=, an ssl.SSLContext"
        )


def _pinned(certificate: str) -> ssl.SSLContext:
    """Believes in this one certificate, whatever name it is for."""
    context = ssl.create_default_context(cadata=certificate)
    context.check_hostname = False  # who has its key is who we mean
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _of_system() -> ssl.SSLContext:
    """SSL_CERT_FILE and SSL_CERT_DIR if they are set, else the system's."""
    named: dict[str, str] = {}
    for variable, argument in (("SSL_CERT_FILE", "cafile"), ("SSL_CERT_DIR", "capath")):
        path = os.environ.get(variable)
        if path and not os.path.exists(path):
            raise InvalidRequestError(f"{variable} names {path}, which is not there. Correct or unset it")
        if path:
            named[argument] = path
    try:
        if named:
            return ssl.create_default_context(**named)  # type: ignore[arg-type]
        return httpx2.create_ssl_context(trust_env=False)
    except (OSError, ssl.SSLError) as error:
        raise InvalidRequestError(
            f"The certificates of {' and '.join(named.values()) or 'this system'} cannot be read: {error}",
            cause=error,
        ) from error
