"""Which proxy stands between this machine and a server, as the environment says."""

import ipaddress
import os
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from heavylift.client.logs import without_password

SPOKEN: Final = frozenset({"http", "https"})
"""Kinds of proxies that are spoken without a further package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """`variable` of the environment names it, or the system's settings do; `url` is without a password."""

    variable: str
    url: str

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
            shown = without_password(address if "://" in address else f"http://{address}")
            return Proxy(variable=_variable(kind), url=shown)
    return None


def _variable(kind: str) -> str:
    names = (f"{kind}_proxy", f"{kind}_PROXY".upper())
    return next((name for name in names if os.environ.get(name)), "the system's settings")
