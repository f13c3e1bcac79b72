"""Nobody else's insides: the product touches no private name of another project, and imports none."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.house.project import MODULES, short, tree_of

DOCUMENTED = {"os._exit", "parts._replace", "urlsplit(url)._replace"}
"""Public in spite of their names: Python's own documentation has them."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def own_names(tree: ast.Module) -> set[str]:
    """The private names that a module makes: its functions and classes, and what it assigns to."""
    found = set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.Constant(value=str(name)):  # in __slots__
                found.add(name)
    return {name for name in found if is_private(name)}


@cache
def ours() -> set[str]:
    """The private names of the whole product: looked for by who runs these tests, not by all who collect."""
    return set[str]().union(*(own_names(tree_of(path)) for path in MODULES))


def touched(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Private names of others: not of `self` unless this module has them, of `self` unless any has."""
    own = own_names(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                if is_private(name) and name not in ours():
                    yield node.lineno, f"self.{name}"
            case ast.Attribute(attr=name):
                text = ast.unparse(node)
                if is_private(name) and name not in own and text not in DOCUMENTED:
                    yield node.lineno, text
            case ast.Call(
                func=ast.Name(id="getattr" | "setattr"), args=[_, ast.Constant(value=str(name)), *_]
            ):
                if is_private(name):
                    yield node.lineno, ast.unparse(node)


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Private modules of others, and private names out of their modules."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names) if not module.startswith("heavylift"):
                parts = [*module.split("."), *(alias.name for alias in names)]
            case ast.Import(names=names):
                parts = [part for alias in names for part in alias.name.split(".")]
            case _:
                continue
        if any(map(is_private, parts)):
            yield node.lineno, ast.unparse(node)


@pytest.mark.parametrize("look", [touched, imported])
def test_no_private_name_of_another_project_is_used(look: object) -> None:
    assert callable(look)
    assert {f"{short(path)}:{line}": what for path in MODULES for line, what in look(tree_of(path))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "import uvicorn._types", "from asyncio import _overlapped", "from uvicorn._compat import x",
        "transport._sock.fileno()", "getattr(cycle, '_nobody_has_this')", "self._nobody_has_this()",
    ],
)  # fmt: skip
def test_the_test_would_see_it(line: str) -> None:
    tree = ast.parse(line)
    assert [*touched(tree), *imported(tree)]


def test_the_product_is_looked_at() -> None:
    assert Path(MODULES[0]).is_file()
    assert "_enter" in ours()
