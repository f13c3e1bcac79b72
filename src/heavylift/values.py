"""The kinds of values that settings have, each with the ways in which people write it."""

import ipaddress
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from heavylift import units
from heavylift.environment import expanded
from heavylift.service.keys import LEAST_CHARACTERS

T = TypeVar("T")

ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^\s/?#@:*\[\]]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
HOST: Final = re.compile(r"[^\s/?#@:*\[\]]+|[0-9a-f]*:[0-9a-f.]*:[0-9a-f:.]*(?:%[\w.-]+)?", re.IGNORECASE)
USUAL_PORT: Final = re.compile(r"^(http://.*):80$|^(https://.*):443$")
SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
KEY: Final = re.compile(r"[!-~]+")
"""What a header can hold of a key."""


def _written(read: Callable[[str], Any]) -> BeforeValidator:
    """Text is read so; what a TOML file or a program gives as a number or a list stays what it is."""
    return BeforeValidator(lambda value: read(value) if isinstance(value, str) else value)


def as_list(text: str) -> object:
    """What commas part, or a list in JSON. Raises ValueError."""
    if not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    return _json(text, 'a list: one,two or ["one", "two"]')


def as_origins(names: list[str]) -> list[str]:
    """Origins as browsers write them: small, without a slash at the end or the scheme's own port. Raises
    ValueError for what no browser would send."""
    return [_origin(name.strip().lower().removesuffix("/")) for name in names]


def _origin(name: str) -> str:
    if name in {"*", "null"}:
        return name
    if ORIGIN.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} is no origin. Expected is a scheme, a host and maybe a port, and nothing more:"
            " https://upload.example.com"
        )
    return USUAL_PORT.sub(r"\1\2", name)


def as_hosts(names: list[str]) -> list[str]:
    """Names or addresses alone, as a request is judged by them. Raises ValueError."""
    return [_host(name, "files.example.com") for name in names]


def as_address(name: str) -> str:
    """A name or an address to listen on. Raises ValueError."""
    return _host(name.strip(), "127.0.0.1, or 0.0.0.0 for all interfaces")


def _host(name: str, such_as: str) -> str:
    """Without the brackets that a URL puts around an address of version 6."""
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") and ":" in name else name
    if HOST.fullmatch(bare) is None:
        raise ValueError(
            f"{name!r} is no host. Expected is a name or an address without a scheme or a port: {such_as}"
        )
    return bare


def as_url(text: str) -> str:
    """A URL with its scheme in small letters, as which it may be written in any: RFC 3986, 3.1."""
    scheme, colon, rest = text.strip().partition(":")
    return scheme.lower() + colon + rest if SCHEME.fullmatch(scheme) else text


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def as_key(given: SecretStr) -> SecretStr:
    """A key as a client can send it, without the line's end that a file of secrets puts behind it. Raises
    ValueError."""
    secret = given.get_secret_value().strip()
    if len(secret) < LEAST_CHARACTERS or KEY.fullmatch(secret) is None:
        raise ValueError(
            f"an API key needs at least {LEAST_CHARACTERS} characters: letters, digits and signs of ASCII,"
            " no spaces"
        )
    return SecretStr(secret)


def as_table(text: str) -> object:
    """A table in JSON. Raises ValueError."""
    return _json(text, 'a table in JSON, such as {"archive": {"extensions": ["zip"]}}')


def _json(text: str, expected: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"expected is {expected} ({error})") from None


Size: TypeAlias = Annotated[int, Field(le=2**60), _written(units.size)]
"""Bytes: `65536`, `64K`, `16MiB`. A database counts no more than eight times as many."""

Number: TypeAlias = Annotated[int, Field(le=1_000_000_000)]
"""How many of something: no more than every database can count."""

Seconds: TypeAlias = Annotated[float, Field(le=1_000_000_000), _written(units.seconds)]
"""`0.5`, `90`, `15m`, `2h`. No clock goes on for ever."""

Count: TypeAlias = Annotated[int, Field(le=1_000_000_000), _written(units.seconds)]
"""The same in whole seconds."""

Place: TypeAlias = Annotated[Path, _written(expanded)]
"""A path, `~` at its beginning for somebody's home."""

Url: TypeAlias = Annotated[str, AfterValidator(as_url)]
"""Where a store is."""

Listed: TypeAlias = Annotated[list[str], NoDecode, _written(as_list)]
"""`one,two`, or a list in JSON."""

Origins: TypeAlias = Annotated[Listed, AfterValidator(as_origins)]
"""The same, of origins."""

Address: TypeAlias = Annotated[str, AfterValidator(as_address)]
"""A name or an address, an address of version 6 in brackets or without."""

Hosts: TypeAlias = Annotated[Listed, AfterValidator(as_hosts)]
"""The same, of names and addresses."""

ChosenKey: TypeAlias = Annotated[SecretStr, AfterValidator(as_key)]
"""An API key that the operator made up."""

Table: TypeAlias = Annotated[dict[str, T], NoDecode, _written(as_table)]
"""A table: in JSON where it stands in a variable."""
