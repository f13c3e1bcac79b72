"""Drives SDK and command line as on a system that is not Linux: `python -m … WORLD URL FOLDER`.

WORLD is `bare`, a POSIX without all that is not needed, or `windows`: its modules, its branches, and its
manner of neither renaming nor removing what is open. What happened is written out as JSON.
"""

import asyncio
import builtins
import contextlib
import errno
import fcntl
import importlib
import io
import json
import os
import pkgutil
import select
import signal
import sys
import types
from pathlib import Path
from typing import Any

CONTENT = bytes(range(256)) * 1200
PART = 64 * 1024

LACKING = {
    os: (
        "O_NOFOLLOW O_CLOEXEC O_NONBLOCK O_DIRECTORY O_NOCTTY fork register_at_fork pread pwrite"
        " preadv pwritev geteuid getuid getegid getgid mkfifo mknod killpg fchmod chown sendfile statvfs"
    ),
    signal: "SIGHUP SIGQUIT SIGUSR1 SIGUSR2 SIGALRM SIGKILL SIGCHLD pthread_sigmask",
    select: "poll epoll",
}
MODULES = ("fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "posix_ipc", "syslog")


def modules() -> list[str]:
    """All of the SDK and of the command line."""
    import heavylift.cli
    import heavylift.client

    packages = (heavylift.client, heavylift.cli)
    return [
        found.name
        for package in packages
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not found.name.endswith("__main__")
    ]


def enter(world: str) -> None:
    """Load what others have made, take the names away, and load ours anew."""
    names = modules()
    for name in (*names, "rich.progress", "rich.table"):
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.split(".")[0] == "heavylift"]:
        del sys.modules[name]
    for module, lacking in LACKING.items():
        for name in lacking.split():
            with contextlib.suppress(AttributeError):
                delattr(module, name)
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    if world == "bare":
        del os.link
    else:
        hold_what_is_open()
        sys.modules["msvcrt"] = locks(fcntl.flock)
        sys.platform = "win32"
    for name in names:
        importlib.import_module(name)
    sys.platform = "linux"


def locks(flock: Any) -> types.ModuleType:
    """What Windows has of locks: held by whoever has opened the file, until that is closed."""
    made: Any = types.ModuleType("msvcrt")
    made.LK_NBLCK = 2

    def locking(descriptor: int, mode: int, count: int) -> None:
        assert (mode, count) == (made.LK_NBLCK, 1)
        try:
            flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None

    made.locking = locking
    return made  # type: ignore[no-any-return]


def hold_what_is_open() -> None:
    """Nothing that is open is renamed, replaced or removed; a rename replaces nothing."""

    def check(*paths: Any) -> None:
        for link in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/self/fd/{link}") in {os.path.abspath(path) for path in paths}:
                    raise _InUse(errno.EACCES, "it is being used by another process", str(paths[0]))

    def guarded(function: Any, *, replaces: bool = True) -> Any:
        def call(*paths: Any, **options: Any) -> Any:
            try:
                check(*paths)
            except _InUse as error:
                raise PermissionError(*error.args) from None
            if not replaces and os.path.lexists(paths[1]):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(paths[1]))
            return function(*paths, **options)

        return call

    os.unlink, os.remove = guarded(os.unlink), guarded(os.remove)
    os.replace, os.rename = guarded(os.replace), guarded(os.rename, replaces=False)


class _InUse(Exception):
    """What no `suppress(OSError)` takes."""


class Enough(Exception):
    """Given up by the user."""


def interrupted(url: str, state: Path, call: str, **arguments: Any) -> None:
    """Begin it with a client of its own, and give it up after some requests."""
    from heavylift import Heavylift, Hooks

    class Stopping(Hooks):
        left = 6

        def before_request(self, context: Any, request: Any) -> Any:
            self.left -= 1
            if not self.left:
                raise Enough
            return request

    try:
        with Heavylift(server_url=url, api_key="k", state_folder=state, hooks=[Stopping()]) as client:
            getattr(client.uploads if "upload" in call else client.files, call)(**arguments)
    except Enough:
        return
    raise AssertionError("it was not interrupted")


def blocking(client: Any, url: str, folder: Path) -> list[Any]:
    """Everything that touches the disk."""
    path = folder / "big.bin"
    path.write_bytes(CONTENT)
    arguments = {"file": str(path), "purpose": "user_data", "part_size": PART, "max_concurrency": 1}
    interrupted(url, folder / "state", "upload_file", **arguments)
    done = client.uploads.upload_file(**arguments)
    streamed = client.uploads.upload_file(
        file=iter([CONTENT[:9], CONTENT[9:]]), filename="s.bin", purpose="user_data", part_size=PART
    )
    reader, writer = os.pipe()
    os.write(writer, CONTENT[:5000])
    os.close(writer)
    with open(reader, "rb") as pipe:
        piped = client.uploads.upload_file(file=pipe, filename="p.bin", purpose="user_data")
    target = folder / "copy.bin"
    fetch = {"file_id": done.file.id, "to": str(target), "range_size": PART, "max_concurrency": 1}
    interrupted(url, folder / "state", "download_file", **fetch)
    saved = client.files.download_file(**fetch)
    again = client.files.download_file(**fetch)
    try:
        client.files.download_file(**fetch, overwrite=False)
        kept = "replaced"
    except FileExistsError:
        kept = "kept"
    whole = target.read_bytes() == CONTENT
    return [streamed.file.bytes, piped.file.bytes, saved.resumed_bytes > 0, again.verified, kept, whole]


async def awaited(client: Any, folder: Path) -> bool:
    """The same with the other driver, in short."""
    async with client:
        done = await client.uploads.upload_file(file=str(folder / "big.bin"), purpose="batch", part_size=PART)
        to = folder / "second.bin"
        await client.files.download_file(file_id=done.file.id, to=str(to), range_size=PART)
        return to.read_bytes() == CONTENT


def typed(url: str, *words: str) -> int:
    """One command; its exit code."""
    from heavylift.cli.app import main

    sys.argv = ["heavylift", "--base-url", url, "--api-key", "k", *words]
    out, sys.stdout = sys.stdout, io.StringIO()
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.stdout = out
    return 0


def second_run(folder: Path) -> bool:
    """Whether a second run is kept off the journal of a first one."""
    from heavylift.client.journal import open_record, record_name

    first = open_record(folder, record_name("x"))
    second = open_record(folder, record_name("x"))
    for record in (first, second):
        if record is not None:
            record.close()
    return second is None


def main() -> None:
    """All of it."""
    world, url, given = sys.argv[1:]
    folder = Path(given)
    os.environ["XDG_STATE_HOME"] = str(folder / "typed")
    enter(world)
    from heavylift import AsyncHeavylift, Heavylift

    state = folder / "state"
    with Heavylift(server_url=url, api_key="k", state_folder=state) as client:
        seen: dict[str, Any] = {"blocking": blocking(client, url, folder)}
    asynchronous = AsyncHeavylift(server_url=url, api_key="k", state_folder=state)
    seen["awaited"] = asyncio.run(awaited(asynchronous, folder))
    to = str(folder / "third.bin")
    commands = (["upload", str(folder / "big.bin")], ["files", "list"], ["download", "file-1", "--to", to])
    seen["typed"] = [typed(url, *words) for words in commands]
    seen["kept out"] = second_run(folder / "locks")
    seen["left"] = sorted(path.name for path in folder.rglob("*") if path.suffix in {".part", ".jsonl"})
    builtins.print(json.dumps(seen))


if __name__ == "__main__":
    main()
