"""Which URLs are of one server: those of the same scheme, host and port."""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

from heavylift.client.errors import InvalidRequestError
from heavylift.client.local import LOCAL_SERVER

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of this machine, as people write them."""

_PORTS: Final = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port. Raises ValueError for what is no URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def same_origin(one: str, other: str) -> bool:
    """Whether both are of one server. False for what is no URL."""
    try:
        return origin(one) == origin(other)
    except ValueError:
        return False


def same_here(one: str, other: str) -> bool:
    """The same, where a service of this machine is known: there its names of loopback mean one thing."""
    return same_origin(_by_one_name(one), _by_one_name(other))


def moved(url: str, to: str) -> str:
    """The URL at the host and port of the other one."""
    return urlunsplit(urlsplit(url)._replace(netloc=urlsplit(to).netloc))


def checked_url(url: str, *, named_by: str = "") -> str:
    """The URL without trailing slashes. Raises InvalidRequestError for what is no HTTP URL of a server, and
    says what it should be, and what has named it."""
    by = f" (named by {named_by})" if named_by else ""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in _PORTS and bool(parts.hostname) and (parts.port or True)
    except (ValueError, TypeError, AttributeError):  # the last two: it is no text at all
        sound = False
    if not sound or not url.isprintable() or " " in url:
        shown = url.partition("://")[0] + "://***" if isinstance(url, str) and "@" in url else url
        raise InvalidRequestError(f"{shown!r}{by} is not a server URL. It looks like {LOCAL_SERVER}")
    credentials, _, netloc = parts.netloc.rpartition("@")
    signs = {"name and password": credentials, "?": "?" in url, "#": "#" in url}
    if any(signs.values()):
        plain = urlunsplit((parts.scheme, netloc, parts.path, "", "")).rstrip("/")
        hint = ". A key goes into api_key, other credentials into http_headers" if credentials else ""
        extra = " and no ".join(name for name, there in signs.items() if there)
        raise InvalidRequestError(f"A server URL{by} has no {extra}: it is {plain} here{hint}")
    return url.rstrip("/")


def _by_one_name(url: str) -> str:
    try:
        scheme, host, port = origin(url)
    except ValueError:
        return url
    return f"{scheme}://localhost:{port}" if host in LOOPBACK else url
