"""Writes constraints.txt out of what is installed: `python -m tests.house.constraints`."""

from collections.abc import Iterator
from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.project import ROOT

FILE = ROOT / "constraints.txt"
OURSELVES = "heavylift"
HEAD = "# Exact versions that every test runs with. Written by `python -m tests.house.constraints`.\n"


def requirements(name: str, extras: frozenset[str]) -> Iterator[tuple[Requirement, bool]]:
    """What an installed distribution requires with these extras, and whether it does so on this machine."""
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        yield requirement, marker is None or any(marker.evaluate({"extra": one}) for one in extras | {""})


def installed() -> dict[str, str]:
    """Everything that the extra `dev` pulls in on this machine, with its version."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [(OURSELVES, frozenset({"dev"}))]
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        versions[name] = distribution(name).version
        todo += [
            (canonicalize_name(one.name), frozenset(one.extras))
            for one, here in requirements(name, extras)
            if here
        ]
    del versions[OURSELVES]
    return versions


def page() -> str:
    """What the file should hold."""
    return HEAD + "".join(f"{name}=={version}\n" for name, version in sorted(installed().items()))


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
