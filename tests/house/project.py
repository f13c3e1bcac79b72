"""The project as the house tests see it: its folders, its modules, its tracked files."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "heavylift"
DOCS = ROOT / "docs"

MODULES = sorted(SOURCE.rglob("*.py"))
"""Every module of the product."""

OURS = sorted([*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")])
"""Every module that somebody has to read."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree_of(path: Path) -> ast.Module:
    """The module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def short(path: Path) -> str:
    """The path as people say it: from the project's root."""
    return path.relative_to(ROOT).as_posix()


def functions_of(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a module: where it stands, and how many lines it takes."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, Function):
            assert node.end_lineno is not None
            yield f"{short(path)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def lines_of(path: Path) -> int:
    """How long a file is."""
    return len(path.read_text(encoding="utf-8").splitlines())


def tracked() -> list[Path]:
    """Every file that git keeps, as it lies on the disk now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file()]


def pages() -> dict[str, str]:
    """Every page of documentation by its path from the root: README.md and docs/."""
    found = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    return {short(path): path.read_text(encoding="utf-8") for path in found}
