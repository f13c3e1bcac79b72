"""Where the command line keeps profiles: written for their owner alone, whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from heavylift.cli.exits import USAGE, fail
from heavylift.client import profiles
from heavylift.client.errors import HeavyliftError
from heavylift.client.profiles import Profile, Profiles
from heavylift.private import make_folder, write_anew

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def profiles_file() -> Path:
    """The file. Without a home there is none, which ends the command."""
    folder = profiles.config_folder()
    if folder is None:
        fail(
            "there is no folder for settings. Set HOME, or XDG_CONFIG_HOME to an absolute path.", status=USAGE
        )
    return folder / profiles.FILE


def check() -> None:
    """Before anybody types a key in vain: a file that cannot be used ends the command."""
    try:
        profiles.read_profiles(profiles_file())
    except HeavyliftError as error:
        fail(f"{error}.", status=USAGE)


def keep(name: str, profile: Profile) -> Path:
    """Keep the profile under that name. The file. Raises OSError, InvalidRequestError."""
    file = profiles_file()
    with _alone(file):
        known = profiles.read_profiles(file)
        _write(file, known.model_copy(update={"profiles": {**known.profiles, name: profile}}))
    return file


def forget(name: str) -> bool:
    """Forget the profile. Whether there was one. Raises OSError, InvalidRequestError."""
    file = profiles_file()
    if name not in profiles.read_profiles(file).profiles:
        return False
    with _alone(file):
        known = profiles.read_profiles(file)
        left = {kept: profile for kept, profile in known.profiles.items() if kept != name}
        _write(file, known.model_copy(update={"profiles": left}))
    return True


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Of two commands at once the second one reads what the first one wrote, where the system has locks.
    What one was writing when it was killed, with its key, goes. Raises OSError."""
    make_folder(file.parent)
    if fcntl is None:
        yield
        return
    descriptor = os.open(file.parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network storage has no locks for folders
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            for left in file.parent.glob(f"{file.name}-*"):
                left.unlink()
        yield
    finally:
        os.close(descriptor)


def _write(file: Path, content: Profiles) -> None:
    text = content.model_dump_json(indent=2, exclude_none=True)
    try:
        write_anew(file, text + "\n", fresh=file.with_name(f"{file.name}-{token_hex(8)}"))
    except OSError as error:  # of a full disk the system does not say whose
        raise OSError(error.errno, error.strerror, str(file)) from error
