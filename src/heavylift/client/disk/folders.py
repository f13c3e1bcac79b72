"""The files below a folder, one by one: their paths, their names below it, and what is none of them."""

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something that may be a file to send. `name` is the File's: the path below the folder, with `/`.

    `odd` says why it is passed over; `error` why it cannot be looked at.
    """

    path: str
    name: str
    size: int = 0
    odd: str = ""
    error: OSError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which of the files below a folder are meant, by patterns of `fnmatch`, whose `*` also stands for `/`.

    A pattern without `/` is held against the last step of the name and, to exclude, against the name of
    every folder on the way; one with `/` against the whole name. What is excluded is not included.
    """

    own: str = ""
    """The real path of the folder where this client keeps its journal, which changes while it is sent."""
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def takes(self, name: str) -> bool:
        """Whether the file of this name is one of them."""
        return not _fits(name, self.exclude) and (not self.include or _fits(name, self.include))

    def enters(self, name: str) -> bool:
        """Whether anything below the folder of this name can be one of them."""
        return not _fits(name, self.exclude) and not _fits(f"{name}/", self.exclude)


def _fits(name: str, patterns: Sequence[str]) -> bool:
    last = name.rstrip("/").rpartition("/")[2]
    return any(
        fnmatch.fnmatchcase(name, pattern.removeprefix("/"))
        if "/" in pattern.rstrip("/")
        else fnmatch.fnmatchcase(last, pattern.rstrip("/")) and name.endswith("/") >= pattern.endswith("/")
        for pattern in patterns
    )


def files_below(folder: str, choice: Choice) -> Iterator[Found]:
    """Every file below the folder, folder after folder, by name. No link below it is followed.

    What the choice calls our `own` is not looked into. Holds the names of the folders that it is in, and no
    others.
    """
    levels = [_entries(folder, "")]
    while levels:
        found = next(levels[-1], None)
        if found is None:
            levels.pop()
        elif found.odd == _FOLDER:
            if choice.enters(found.name) and os.path.realpath(found.path) != choice.own:
                levels.append(_entries(found.path, f"{found.name}/"))
        elif found.error is not None or choice.takes(found.name):
            yield found


_FOLDER = "folder"


def _entries(folder: str, prefix: str) -> Iterator[Found]:
    """What is in one folder."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        yield Found(path=folder, name=prefix.rstrip("/") or folder, error=error)
        return
    for last in names:
        yield _looked_at(os.path.join(folder, last), prefix + last)


def _looked_at(path: str, name: str) -> Found:
    try:
        facts = os.lstat(path)
    except OSError as error:
        return Found(path=path, name=name, error=error)
    mode = facts.st_mode
    if stat.S_ISREG(mode):
        return Found(path=path, name=name, size=facts.st_size)
    if stat.S_ISDIR(mode):
        return Found(path=path, name=name, odd=_FOLDER)
    odd = "a link, which is not followed" if stat.S_ISLNK(mode) else "no regular file"
    return Found(path=path, name=name, odd=odd)


def at(path: str, choice: Choice) -> Iterator[Found]:
    """What a path that somebody names stands for: a file, also through a link, or all below a folder."""
    try:
        facts = os.stat(path)
    except (OSError, ValueError) as error:
        reason = error if isinstance(error, OSError) else OSError(0, str(error), path)
        yield Found(path=path, name=os.path.basename(path), error=reason)
        return
    if stat.S_ISDIR(facts.st_mode):
        yield from files_below(path, choice)
    elif stat.S_ISREG(facts.st_mode):
        yield Found(path=path, name=os.path.basename(path), size=facts.st_size)
    else:
        yield Found(path=path, name=os.path.basename(path), odd="no regular file")
