"""A client of the HTTP library: its pool and patience, which proxy it uses, whom it trusts."""

import os
import ssl
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx2

from heavylift.client.config import SILENCE_MS
from heavylift.client.errors import InvalidRequestError
from heavylift.client.proxies import all_spoken, proxy_for

C = TypeVar("C", httpx2.Client, httpx2.AsyncClient)

CONNECT_SECONDS: Final = 10.0


def patience(milliseconds: int | None) -> httpx2.Timeout:
    """How long silence is borne; less while connecting."""
    seconds = (SILENCE_MS if milliseconds is None else milliseconds) / 1000
    return httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))


def open_client(kind: type[C], server_url: str) -> C:
    """A client for this server. Raises InvalidRequestError for an environment that it cannot follow."""
    proxy = proxy_for(server_url)
    if proxy is not None and not proxy.spoken:
        raise InvalidRequestError(
            f"{proxy.variable} names the proxy {proxy.url}, a kind that is not spoken here. Name an"
            f" http:// proxy, or take {urlsplit(server_url).hostname} out of it with NO_PROXY"
        )
    environment = proxy is not None and all_spoken()
    settings: dict[str, Any] = {
        "limits": httpx2.Limits(max_connections=None, max_keepalive_connections=20),
        "timeout": patience(None),
        "verify": _trust(server_url),
        "trust_env": environment,
        "proxy": proxy.address if proxy is not None and not environment else None,
    }
    try:
        return kind(**settings)
    except (ValueError, httpx2.InvalidURL) as error:
        named = "The environment" if proxy is None else proxy.variable
        raise InvalidRequestError(
            f"{named} names a proxy that has no valid URL: {error}", cause=error
        ) from error


def _trust(server_url: str) -> ssl.SSLContext:
    """Whom to trust: SSL_CERT_FILE and SSL_CERT_DIR if they are set, else the system. They matter for https
    alone, so there alone it matters that they are there."""
    named: dict[str, str] = {}
    for variable, argument in (("SSL_CERT_FILE", "cafile"), ("SSL_CERT_DIR", "capath")):
        path = os.environ.get(variable)
        if path and os.path.exists(path):
            named[argument] = path
        elif path and urlsplit(server_url).scheme == "https":
            raise InvalidRequestError(f"{variable} names {path}, which is not there. Correct or unset it")
    try:
        if named:
            return ssl.create_default_context(**named)  # type: ignore[arg-type]
        return httpx2.create_ssl_context(trust_env=False)
    except (OSError, ssl.SSLError) as error:
        raise InvalidRequestError(
            f"The certificates of {' and '.join(named.values()) or 'this system'} cannot be read: {error}",
            cause=error,
        ) from error
