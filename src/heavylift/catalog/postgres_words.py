"""What libpq takes as a parameter's value, where it takes only some: said before a connection is tried."""

import re
from collections.abc import Mapping
from typing import Any, Final

from heavylift.catalog.migrating import UnfitCatalog

TLS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "sslcertmode": ("disable", "allow", "require"),
    "ssl_min_protocol_version": TLS,
    "ssl_max_protocol_version": TLS,
    "gssencmode": ("disable", "prefer", "require"),
    "channel_binding": ("disable", "prefer", "require"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "load_balance_hosts": ("disable", "random"),
}

NUMBERS: Final = frozenset(
    {"connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
     "tcp_user_timeout"}
)  # fmt: skip

WORD: Final = re.compile(r"[\w.-]{1,30}", re.ASCII)
"""A value that may be shown: what else was read as one may be a piece of a password."""


def check_words(given: Mapping[str, Any]) -> None:
    """Make sure that libpq takes those parameters of a URL, and those of the environment that it does not
    say. Raises UnfitCatalog, by the name of what says it."""
    from psycopg.pq import Conninfo  # noqa: PLC0415 - only who uses PostgreSQL needs it

    for option in Conninfo.get_defaults():
        name = option.keyword.decode()
        if given.get(name):
            _check(name, str(given[name]), named_by=name)
        elif option.envvar and option.val:
            _check(name, option.val.decode(errors="replace"), named_by=option.envvar.decode())


def _check(name: str, value: str, *, named_by: str) -> None:
    if name in CHOICES and value not in CHOICES[name]:
        raise UnfitCatalog(f"{_shown(named_by, value)}: it must be one of {', '.join(CHOICES[name])}.")
    if name in NUMBERS and not re.fullmatch(r"\s*[+-]?\d{1,9}\s*", value, re.ASCII):
        raise UnfitCatalog(f"{_shown(named_by, value)}: it must be a whole number.")


def _shown(name: str, value: str) -> str:
    return f"{name}={value}" if WORD.fullmatch(value) else name
