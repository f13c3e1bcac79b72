"""Which proxy stands between this machine and a server, as the environment says."""

import ipaddress
import os
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from heavylift.client.logs import without_password

SPOKEN: Final = frozenset({"http", "https"})
"""Kinds of proxies that are spoken without a further package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """`variable` of the environment names it, or the system's settings do; `url` is without a
    password, `address` as it is."""

    variable: str
    url: str
    address: str = field(repr=False)

    @property
    def spoken(self) -> bool:
        """Whether this SDK can speak to it as it is installed."""
        return urlsplit(self.url).scheme in SPOKEN


def is_loopback(host: str) -> bool:
    """Whether this host is the machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_for(url: str) -> Proxy | None:
    """The proxy that a request for this URL goes through. None for loopback and what NO_PROXY names."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    known = getproxies()
    for kind in (parts.scheme, "all"):
        if address := known.get(kind):
            whole = _whole(address)
            return Proxy(variable=_variable(kind), url=without_password(whole), address=whole)
    return None


def all_spoken() -> bool:
    """Whether the HTTP library takes all that the environment names: it fails for one that it never needs."""
    known = getproxies()
    named = [_whole(known[kind]) for kind in ("http", "https", "all") if known.get(kind)]
    return all(_kind(address) in SPOKEN for address in named)


def _kind(address: str) -> str:
    try:
        return urlsplit(address).scheme
    except ValueError:
        return ""


def _whole(address: str) -> str:
    return address if "://" in address else f"http://{address}"


def _variable(kind: str) -> str:
    names = (f"{kind}_proxy", f"{kind}_PROXY".upper())
    return next((name for name in names if os.environ.get(name)), "the system's settings")
