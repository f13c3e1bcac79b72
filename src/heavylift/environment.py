"""Where settings are said: variables HEAVYLIFT_*, and a TOML file. What of it counts, before it is judged."""

import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic_settings import EnvSettingsSource

PREFIX: Final = "HEAVYLIFT_"
CONFIG_VARIABLE: Final = PREFIX + "CONFIG"

OTHER_VARIABLES: Final = frozenset(
    PREFIX + name for name in ("API_KEY", "BASE_URL", "CA_CERT", "CONFIG", "DEBUG", "PROFILE")
)
"""What the client reads, and where the file of settings is."""

KUBERNETES: Final = re.compile(
    PREFIX + r"(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
"""What Kubernetes tells every container of a namespace about a Service that is called `heavylift`."""

ITS_PORT: Final = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)
"""How the one of them begins whose name is also a setting's: HEAVYLIFT_PORT=tcp://10.0.0.7:8321."""


class WrongSetting(Exception):
    """A setting cannot be used. The message names it, what it is set to, and what is expected."""


@contextmanager
def usable(name: str, value: object) -> Iterator[None]:
    """What the operating system refuses about the setting's value is WrongSetting, with the path at fault."""
    try:
        yield
    except OSError as error:
        place = error.filename2 or error.filename  # of a file that takes another's place, that one
        at = "" if place is None or str(place) == str(value) else f" at {place}"
        raise WrongSetting(
            f"setting {name}={value} cannot be used: {error.strerror or error}{at}. It is --{name}, or"
            f" {PREFIX}{name.upper()} in the environment; of migrate-data it is --to"
        ) from error


class FromVariables(EnvSettingsSource):
    """The variables. One that is set but empty counts as unset, and so does the port of Kubernetes."""

    def __call__(self) -> dict[str, Any]:
        """Values by the names of settings."""
        found = {name: value for name, value in super().__call__().items() if not is_blank(value)}
        if is_of_kubernetes(PREFIX + "PORT", str(found.get("port"))):
            del found["port"]
        return found


def in_file(path: Path, *, named_by: str = CONFIG_VARIABLE) -> dict[str, Any]:
    """What a TOML file of settings says; an empty text counts as unset. Raises WrongSetting, which says what
    the file is `named_by`."""
    if path.is_fifo():
        raise WrongSetting(
            f"{named_by}={path} is a pipe, and the settings are read more than once: name a file"
        )
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise WrongSetting(f"{named_by}={path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # no TOML, or no text
        raise WrongSetting(f"{named_by}={path} is not TOML: {error}") from error
    return {name: value for name, value in said.items() if not is_blank(value)}


def is_blank(value: object) -> bool:
    """Whether it is a text that says nothing: what is set but empty counts as not set."""
    return isinstance(value, str) and not value.strip()


def config_file() -> Path | None:
    """The TOML file that HEAVYLIFT_CONFIG names."""
    name = os.environ.get(CONFIG_VARIABLE)
    return None if name is None or is_blank(name) else expanded(name)


def expanded(name: str) -> Path:
    """A path as it was written, `~` at its beginning for somebody's home. Raises ValueError."""
    if "\0" in name:
        raise ValueError("a path holds no zero byte")
    path = os.path.expanduser(name)
    if path.startswith("~"):
        raise ValueError(f"nobody's home is known as {name.partition('/')[0]}")
    return Path(path)


def variables() -> dict[str, str]:
    """The variables that count, by the names of settings, each as it is spelt."""
    return {
        name.upper().removeprefix(PREFIX).lower(): name
        for name, value in _ours()
        if not is_blank(value) and not is_of_kubernetes(name, value)
    }


def is_of_kubernetes(name: str, value: str) -> bool:
    """Whether the variable is no setting, but tells where a Service of that name is."""
    if name.upper() == PREFIX + "PORT":
        return ITS_PORT.match(value) is not None
    return KUBERNETES.fullmatch(name.upper()) is not None


def remarks(settings: Collection[str]) -> Iterator[str]:
    """A sentence for each variable that looks like a setting and has no effect."""
    known = {PREFIX + name.upper() for name in settings} | OTHER_VARIABLES
    for name, value in _ours():
        if is_of_kubernetes(name, value):
            if name.upper() == PREFIX + "PORT":
                yield (
                    f"{name}={value} is ignored: Kubernetes sets it for a Service called heavylift. Give the"
                    " Service another name, set enableServiceLinks: false, or choose the port by --port"
                )
        elif name.upper() not in known:
            yield f"{name} is no setting and has no effect{did_you_mean(name.upper(), known)}"


def did_you_mean(name: str, known: Collection[str]) -> str:
    """The name that was probably meant, as the end of a sentence; nothing if there is none like it."""
    close = get_close_matches(name, known, 1, cutoff=0.85 if name.startswith(PREFIX) else 0.7)
    return f"; did you mean {close[0]}?" if close else ""


def origin(name: str, given: Mapping[str, Any]) -> str:
    """Where a setting came from: `default`, a file, a variable, or the command line (`given`)."""
    file = config_file()
    if name in given:
        return "command line"
    if name in variables():
        return PREFIX + name.upper()
    return str(file) if file and name in in_file(file) else "default"


def _ours() -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in os.environ.items() if name.upper().startswith(PREFIX))
