"""Where a service of this machine is: what it writes into its data folder while it runs.

The file is believed as long as the process that wrote it lives: that one holds a lock on it, which the system
takes away when the process ends, however it ends. So no key goes to whoever has a port now that was a
service's once. Only its owner can write the file, and it is read as nobody's but our own user's.
"""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

try:
    import fcntl
except ImportError:  # a lock that others could look at without being kept out of the file is POSIX's alone
    fcntl = None  # type: ignore[assignment]

FILE: Final = "server"
"""Its name in the data folder."""

KEY_FILE: Final = "api-key"
"""The name of the first key's file, beside it."""

FORMAT: Final = 1

MOST_BYTES: Final = 64 * 1024

_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)
"""No link is followed, and a pipe of that name keeps nobody waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What a client on this machine needs: the base URL, whether a key is asked for, the path of the
    certificate that is served, and which network the URL is of."""

    url: str
    asks_key: bool
    certificate: str | None
    network: str

    def written(self) -> str:
        """As the file has it."""
        return json.dumps({"heavylift_server": FORMAT, **asdict(self)}) + "\n"

    @classmethod
    def read(cls, text: str) -> Self:
        """What `written` gave. Raises ValueError."""
        try:
            said: dict[str, Any] = json.loads(text)
            if said["heavylift_server"] != FORMAT:
                raise ValueError("it is of another version")
            made = cls(
                url=said["url"],
                asks_key=said["asks_key"],
                certificate=said["certificate"],
                network=said["network"],
            )
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError("it is no address") from error
        texts = (made.url, made.certificate or "", made.network)
        if not (all(isinstance(text, str) for text in texts) and isinstance(made.asks_key, bool)):
            raise ValueError("it is no address")
        return made


def this_network() -> str:
    """What tells apart machines, and containers on one, that share a folder: their loopbacks are not one.
    Empty where the system does not say, which is to say: anybody on this machine."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/net')}"
    except (OSError, ValueError):
        return ""


def read_own(path: Path, *, of_anybody: bool = False) -> str | None:
    """The text of a file that is our own: a regular one, which nobody else can write. None for all else.
    `of_anybody`: its owner may be somebody else, whom we trust with this folder."""
    with _opened(path) as descriptor:
        if descriptor is None or not _is_own(descriptor, of_anybody=of_anybody):
            return None
        return _text(descriptor)


def read_address(folder: Path, *, of_anybody: bool = False) -> Address | None:
    """Where the service of that data folder is. None unless it runs now, on this machine."""
    with _opened(folder / FILE) as descriptor:
        if descriptor is None or not (_is_own(descriptor, of_anybody=of_anybody) and _is_held(descriptor)):
            return None
        try:
            address = Address.read(_text(descriptor) or "")
        except ValueError:
            return None
    return address if address.network == this_network() else None


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """Its descriptor, None for what cannot be opened."""
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError):
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _text(descriptor: int) -> str | None:
    try:
        return os.read(descriptor, MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _is_own(descriptor: int, *, of_anybody: bool) -> bool:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        return False
    if not hasattr(os, "geteuid"):
        return True
    ours = of_anybody or found.st_uid in {0, os.geteuid()}
    return ours and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def hold(descriptor: int) -> bool:
    """Lock the file until this process ends. Whether others can see that it is locked."""
    if fcntl is None:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


def _is_held(descriptor: int) -> bool:
    """Whether somebody holds the file. Those who only look do not hinder each other."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    return False
