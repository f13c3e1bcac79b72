"""Settings as they may be shown: without a secret, and what is wrong with them in a sentence."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from heavylift.environment import did_you_mean, origin
from heavylift.settings import PurposeExtension, Settings

HIDDEN: Final = "***"

PLACES: Final = ("catalog", "blobs")
"""Settings that are URLs."""

SECTION: Final = ". Settings stand at the top of the file, in no section but [purposes]"

MOST_SHOWN: Final = 200
"""Characters of a wrong value."""

_CLEAR = r"(?:[^:/@?#%\[\]\s]|%[0-9A-Fa-f]{2})*"
_HOST = r"(?:[^:/@?#\s\[\]]*|\[[0-9A-Fa-f:.%]*\])(?::\d*)?"

URL = re.compile(
    rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<user>{_CLEAR})(?P<password>:{_CLEAR})?@)?"
    rf"(?P<rest>{_HOST}(?:,{_HOST})*(?:[/?][^@#\s]*)?)"
)
"""A URL that is read in one way only."""

PATH = re.compile(r"(?:file:(?!//[^/])|sqlite://(?=/|$)|memory:$).*", re.DOTALL)
"""A URL without a host, and so without a password."""

SECRET = re.compile(r"([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)


def shown_url(url: str) -> str:
    """The URL as it may be shown. Of one that does not parse, no more than its scheme: who knows where in
    it the password is."""
    if PATH.fullmatch(url):
        return url
    found = URL.fullmatch(url)
    if found is None:
        scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://", url)
        return f"{scheme[0] if scheme else ''}{HIDDEN}"
    user = found["user"] or ""
    login = f"{user}{':' + HIDDEN if found['password'] else ''}@" if user or found["password"] else ""
    rest = SECRET.sub(rf"\1{HIDDEN}", found["rest"])
    return f"{found['scheme']}://{login}{rest}"


def shown_values(settings: Settings) -> dict[str, Any]:
    """Every setting as JSON has it, no secret among them."""
    values = settings.model_dump(mode="json")
    return values | {name: shown_url(values[name]) for name in PLACES if values[name]}


def explained(error: ValidationError, given: Mapping[str, Any]) -> str:
    """The first of what is wrong: which setting, where it was said, its value, and what is expected.

    `given` are those of the command line.
    """
    first = error.errors(include_url=False)[0]
    message = _in_words(first["type"], first["msg"])
    if not first["loc"]:
        return message
    name, *inner = map(str, first["loc"])
    source = origin(name, given)
    if first["type"] == "extra_forbidden":
        dotted = ".".join((name, *inner))
        known = PurposeExtension.model_fields if inner else Settings.model_fields
        aside = "" if inner or not isinstance(first["input"], dict) else SECTION
        return f"{source}: there is no setting {dotted}{did_you_mean([name, *inner][-1], known)}{aside}"
    written = {"command line": "--" + name.replace("_", "-"), "default": name}.get(source, source)
    if written == source and not source.startswith("HEAVYLIFT_"):  # a file
        written = f"{source}: {name}"
    return f"{'.'.join((written, *inner))}={_shown(name, first['input'])}: {message}"


def _in_words(kind: str, message: str) -> str:
    """What the checker of the settings says, without the words of a programming language."""
    if kind == "path_type":
        return "it must be a path, written as a text"
    return message.removeprefix("Value error, ").replace("Input should be", "it must be", 1)


def _shown(name: str, value: Any) -> str:
    if name == "bootstrap_key":
        return HIDDEN
    if name in PLACES:
        return shown_url(str(value))
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
