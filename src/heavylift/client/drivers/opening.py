"""A client of the HTTP library: its pool and patience, which proxy it uses, whom it trusts."""

import ssl
import threading
from typing import Final, Generic, TypeVar

import httpx2

from heavylift.client.config import SILENCE_MS
from heavylift.client.drivers.heads import bounded
from heavylift.client.drivers.trusting import trusted
from heavylift.client.endpoint import SYSTEM, Trust
from heavylift.client.errors import InvalidRequestError
from heavylift.client.proxies import Proxy, proxy_for

C = TypeVar("C", httpx2.Client, httpx2.AsyncClient)
T = TypeVar("T", httpx2.HTTPTransport, httpx2.AsyncHTTPTransport)

CONNECT_SECONDS: Final = 10.0

LIMITS: Final = httpx2.Limits(max_connections=None, max_keepalive_connections=20)


def patience(milliseconds: int | None) -> httpx2.Timeout:
    """How long silence is borne; less while connecting."""
    seconds = (SILENCE_MS if milliseconds is None else milliseconds) / 1000
    return httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))


def open_client(kind: type[C], server_url: str, trust: Trust = SYSTEM) -> C:
    """A client that begins with this server. Raises InvalidRequestError for an environment that it cannot
    follow there."""
    roads = Roads(trust) if issubclass(kind, httpx2.Client) else AsyncRoads(trust)
    roads.to(httpx2.URL(server_url))
    return kind(transport=roads, timeout=patience(None), trust_env=False)


class _Roads(Generic[T]):
    """The road to each server, by the URL that is really asked: straight, or through its proxy."""

    def __init__(self, kind: type[T], trust: Trust) -> None:
        self._kind: type[T] = kind
        self._trust = trust
        self._by_server: dict[tuple[str, str, int | None], T] = {}
        self._open: dict[tuple[str, str | None], T] = {}
        self._lock = threading.Lock()

    def to(self, url: httpx2.URL) -> T:
        """The one for this URL. Raises InvalidRequestError for an environment that cannot be followed."""
        server = url.scheme, url.host, url.port
        with self._lock:
            known = self._by_server.get(server)
            if known is None:
                known = self._by_server[server] = self._opened(url)
        return known

    def _opened(self, url: httpx2.URL) -> T:
        proxy = proxy_for(str(url))
        if proxy is not None:
            _check(proxy, url.host)
        road = url.scheme, None if proxy is None else proxy.address
        if road not in self._open:
            self._open[road] = self._made(url.scheme, proxy)
        return self._open[road]

    def _made(self, scheme: str, proxy: Proxy | None) -> T:
        secure = scheme == "https" or (proxy is not None and proxy.address.startswith("https:"))
        trust = trusted(self._trust) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        named = None
        if proxy is not None:
            try:
                named = httpx2.Proxy(
                    proxy.address, ssl_context=trust if proxy.address.startswith("https:") else None
                )
            except (ValueError, httpx2.InvalidURL):
                raise _unfit(proxy, "it is no URL") from None
        made: T = self._kind(verify=trust, trust_env=False, limits=LIMITS, proxy=named)
        return bounded(made)


class Roads(_Roads[httpx2.HTTPTransport], httpx2.BaseTransport):
    """For a blocking client."""

    def __init__(self, trust: Trust) -> None:
        super().__init__(httpx2.HTTPTransport, trust)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it on its road."""
        return self.to(request.url).handle_request(request)

    def close(self) -> None:
        """Close all of them."""
        for road in self._open.values():
            road.close()


class AsyncRoads(_Roads[httpx2.AsyncHTTPTransport], httpx2.AsyncBaseTransport):
    """For one that is awaited."""

    def __init__(self, trust: Trust) -> None:
        super().__init__(httpx2.AsyncHTTPTransport, trust)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it on its road."""
        return await self.to(request.url).handle_async_request(request)

    async def aclose(self) -> None:
        """Close all of them."""
        for road in self._open.values():
            await road.aclose()


def _check(proxy: Proxy, host: str) -> None:
    """Raises InvalidRequestError for one that cannot be used."""
    if proxy.fault is not None:
        raise _unfit(proxy, proxy.fault)
    if not proxy.spoken:
        raise InvalidRequestError(
            f"{proxy.variable} names the proxy {proxy.url}, a kind that is not spoken here. Name an"
            f" http:// proxy, or take {host} out of it with NO_PROXY"
        )


def _unfit(proxy: Proxy, why: str) -> InvalidRequestError:
    """What it says of the password must not be shown: where a URL is broken, anything may be one."""
    scheme = proxy.address.partition("://")[0]
    return InvalidRequestError(
        f"{proxy.variable} names the proxy {scheme}://***, which has no valid URL: {why}."
        " It looks like http://HOST:PORT or http://NAME:PASSWORD@HOST:PORT"
    )
