"""Profiles: servers and their keys that `heavylift login` keeps, in a file of the user's own."""

import os
import stat
from pathlib import Path
from typing import Annotated, Final

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from heavylift.client.errors import InvalidRequestError

FILE: Final = "profiles.json"

DEFAULT: Final = "default"
"""The profile that counts when none is named."""

MOST_BYTES: Final = 1024 * 1024

LONGEST_NAME: Final = 100

Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]


class Profile(BaseModel):
    """One server. An empty key is for a server that asks for none."""

    model_config = ConfigDict(extra="allow")

    base_url: Annotated[str, StringConstraints(min_length=1)]
    api_key: str = Field(repr=False)
    ca_cert: str | None = None


class Profiles(BaseModel):
    """All of them, as the file has them. What a later version adds is kept."""

    model_config = ConfigDict(extra="allow")

    profiles: dict[Name, Profile] = {}


def config_folder() -> Path | None:
    """Where this system keeps a user's settings. None without a home folder."""
    if os.name == "posix" and os.environ.get("HOME") == "" and not os.environ.get("XDG_CONFIG_HOME"):
        return None  # or it would be taken for the root of all files
    try:
        folder = platformdirs.user_config_path("heavylift")
    except (OSError, RuntimeError, KeyError):
        return None
    return folder if folder.is_absolute() else None


def read_profiles(file: Path) -> Profiles:
    """What is in the file; none where there is no file. Raises InvalidRequestError for a file that cannot be
    used: another server than the one that was chosen in it must not come in its place."""
    try:
        found = file.stat()
    except OSError:
        return Profiles()
    if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
        raise InvalidRequestError(f"{file} is no file of profiles. Remove it, and run `heavylift login` anew")
    try:
        return Profiles.model_validate_json(file.read_bytes())
    except OSError as error:
        raise InvalidRequestError(f"{file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidRequestError(
            f"{file} is no file of profiles ({where + ': ' if where else ''}{first['msg']}). Correct it, or"
            " remove it and run `heavylift login` anew"
        ) from None
