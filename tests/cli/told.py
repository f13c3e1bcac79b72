"""How a command that was refused has ended, and what it has left."""

from pathlib import Path

from tests.cli.typing_in import Ended


def is_one_line(ended: Ended, *, status: int, saying: str) -> bool:
    """Whether that is how it ended, without a word on standard output."""
    told = (ended.status, ended.out, len(ended.err.splitlines())) == (status, "", 1) and saying in ended.err
    assert told, ended
    return told


def places(folder: Path) -> list[str]:
    """What lies in a folder, by name."""
    return sorted(path.name for path in folder.iterdir())


def everything(folder: Path) -> list[str]:
    """What lies in a folder and in those below it, links not followed."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
