"""What a postgresql:// URL says, completed by what the catalog asks of every connection."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heavylift.catalog.migrating import UnfitCatalog
from heavylift.catalog.postgres_words import check_words

SCHEMES = ("postgresql", "postgres")

POOL_SIZE = 8
"""The most connections that one process holds. A transaction takes a millisecond or two; more contend."""

STATEMENT_SECONDS = 8
"""The most that the server may work on one statement."""

LOCK_SECONDS = 5
"""The most that a statement may wait for another transaction."""

IDLE_SECONDS = 20
"""After that long in the middle of a transaction, a replica that went silent loses its locks."""

CONNECT_SECONDS = 5
ALIVE_SECONDS = 10
"""Until a network that swallows everything is noticed."""

DEFAULTS: Mapping[str, Any] = {
    "application_name": "heavylift",
    "connect_timeout": CONNECT_SECONDS,
    "tcp_user_timeout": ALIVE_SECONDS * 1000,
    "keepalives_idle": ALIVE_SECONDS,
    "keepalives_interval": 3,
    "keepalives_count": 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a database is: `parameters` of libpq, a secret perhaps among them, and a `name` without one."""

    name: str
    parameters: Mapping[str, Any]


def is_postgres(url: str) -> bool:
    """Whether the URL names a PostgreSQL database."""
    return url.partition("://")[0] in SCHEMES


def parse(url: str, *, durable: bool = True, writable: bool = True) -> Address:
    """The address in a URL; what it says itself goes before our defaults. Raises UnfitCatalog.

    `durable` decides `synchronous_commit`, unless the URL's `options` do. Without `writable` the
    server refuses every write.
    """
    try:
        from psycopg import ProgrammingError  # noqa: PLC0415 - only who uses PostgreSQL needs it
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - as above
    except ImportError as error:
        raise UnfitCatalog(
            f"PostgreSQL needs its driver: in a clone, pip install '.[server,postgres]' ({error})."
        ) from None
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        given = {}
    if not is_clear(given):
        # without libpq's own words: they may repeat the URL, and with it the password
        raise UnfitCatalog(
            "The catalog's URL cannot be read. It looks like postgresql://user:password@host:5432/name;"
            " in user, password and name, percent-encode : / @ ? # and %."
        )
    check_words(given)
    parameters = {**DEFAULTS, **session_attributes(given), **given, "client_encoding": "utf8"}
    parameters["options"] = (
        f"{options(durable=durable, writable=writable)} {given.get('options', '')}".strip()
    )
    return Address(name=shown(given), parameters=parameters)


def is_clear(given: Mapping[str, Any]) -> bool:
    """Whether it was read as it was meant. Of a password with a bare slash or @, the rest becomes the port or
    the host, and is shown."""
    ports = [port for port in str(given.get("port") or "").split(",") if port]
    places = (given.get("host"), given.get("dbname"))
    return bool(given) and all(map(_is_port, ports)) and not any("@" in str(place) for place in places)


def _is_port(text: str) -> bool:
    return re.fullmatch(r"\d{1,5}", text, re.ASCII) is not None and 0 < int(text) < 65_536


def session_attributes(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of several servers, the one that can be written to: the others are its standbys. The environment's
    word goes before ours, as in every program over libpq."""
    several = any("," in str(given.get(name) or "") for name in ("host", "hostaddr"))
    if not several or "PGTARGETSESSIONATTRS" in os.environ:
        return {}
    return {"target_session_attrs": "read-write"}


def options(*, durable: bool, writable: bool = True) -> str:
    """The settings of each session. Times in milliseconds, as the server takes them."""
    session = {
        "synchronous_commit": "on" if durable else "off",
        **({} if writable else {"default_transaction_read_only": "on"}),
        "statement_timeout": STATEMENT_SECONDS * 1000,
        "lock_timeout": LOCK_SECONDS * 1000,
        "idle_in_transaction_session_timeout": IDLE_SECONDS * 1000,
    }
    return " ".join(f"-c {name}={value}" for name, value in session.items())


def shown(given: Mapping[str, Any]) -> str:
    """The address as it may be shown."""
    host = given.get("host") or given.get("hostaddr") or "(local)"
    port = given.get("port") or 5432
    return f"postgresql://{host}:{port}/{given.get('dbname') or given.get('user') or ''}"
