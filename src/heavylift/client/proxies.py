"""Which proxy stands between this machine and a server, as the environment says."""

import ipaddress
import os
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from heavylift.client.logs import without_password

SPOKEN: Final = frozenset({"http", "https"})
"""Kinds of proxies that are spoken without a further package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """`variable` of the environment names it, or the system's settings do; `address` as it is."""

    variable: str
    address: str = field(repr=False)

    @property
    def url(self) -> str:
        """For people: without a name and password. Of what is no URL the scheme alone."""
        scheme = self.address.partition("://")[0]
        return f"{scheme}://***" if self.fault else without_password(self.address)

    @property
    def spoken(self) -> bool:
        """Whether this SDK can speak to it as it is installed."""
        return urlsplit(self.address).scheme in SPOKEN

    @property
    def fault(self) -> str | None:
        """What is wrong with its URL; None if nothing is."""
        try:
            parts = urlsplit(self.address)
            _ = parts.port
            host = parts.hostname or ""
        except ValueError:
            return _UNQUOTED if "@" in _behind_host(self.address) else "its host or port is none"
        if "@" in _behind_host(self.address):
            return _UNQUOTED
        return None if host and host.isprintable() and " " not in host else "it has no host"


_UNQUOTED: Final = "a /, # or ? in its password must be percent-encoded"


def _behind_host(address: str) -> str:
    """What of an address is read as a path, where no password belongs."""
    return "".join(re.split(r"[/?#]", address.partition("://")[2], maxsplit=1)[1:])


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
            return Proxy(variable=_variable(kind), address=_whole(address))
    return None


def _whole(address: str) -> str:
    return address if "://" in address else f"http://{address}"


def _variable(kind: str) -> str:
    names = (f"{kind}_proxy", f"{kind}_PROXY".upper())
    return next((name for name in names if os.environ.get(name)), "the system's settings")
