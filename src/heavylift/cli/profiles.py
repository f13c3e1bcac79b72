"""Where the command line keeps profiles: written for their owner alone, whole or not at all."""

from pathlib import Path
from secrets import token_hex

from heavylift.cli.exits import USAGE, fail
from heavylift.client import profiles
from heavylift.client.errors import HeavyliftError
from heavylift.client.profiles import Profile, Profiles
from heavylift.private import make_folder, write_anew


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
    known = profiles.read_profiles(file)
    _write(file, known.model_copy(update={"profiles": {**known.profiles, name: profile}}))
    return file


def forget(name: str) -> bool:
    """Forget the profile. Whether there was one. Raises OSError, InvalidRequestError."""
    file = profiles_file()
    known = profiles.read_profiles(file)
    left = {kept: profile for kept, profile in known.profiles.items() if kept != name}
    if len(left) == len(known.profiles):
        return False
    _write(file, known.model_copy(update={"profiles": left}))
    return True


def _write(file: Path, content: Profiles) -> None:
    make_folder(file.parent)
    text = content.model_dump_json(indent=2, exclude_none=True)
    write_anew(file, text + "\n", fresh=file.with_name(f"{file.name}-{token_hex(8)}"))
