"""What an extra of ours requires, for `pip install -r`: so that it can be had without building ourselves."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OURSELVES = re.compile(r"heavylift\[(?P<extras>[a-z,]+)\]")


def required(project: dict[str, Any], extra: str) -> Iterator[str]:
    """Every requirement of that extra, and of those of our extras that it is made of."""
    for requirement in project["optional-dependencies"][extra]:
        ours = OURSELVES.fullmatch(requirement)
        if ours is None:
            yield requirement
        else:
            for other in ours["extras"].split(","):
                yield from required(project, other)


if __name__ == "__main__":
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    print("\n".join([*project["dependencies"], *required(project, sys.argv[1])]))
