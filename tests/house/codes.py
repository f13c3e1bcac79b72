"""Every error that the service answers with, found in its source: status, code, param, meaning."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass

import heavylift.api.app  # noqa: F401 - with it every refusal is known
from heavylift.api.errors import status_of
from heavylift.domain.errors import Refusal
from heavylift.domain.uploads import CLOSED
from tests.house.project import SOURCE, tree_of

FIELD = "the field"
"""Stands for a `param` that depends on the request."""

PACKAGES = ("api", "domain", "service", "catalog", "blobs")

KEYS = SOURCE / "service" / "keys.py"
"""Refuses the command line alone."""

RAW = {"error_response": 2, "Refused": 2}
"""Functions that answer without a refusal, and where they take the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One kind of error. `code` None where OpenAI sends none; `meaning` is its class's docstring."""

    name: str
    status: int
    code: str | None
    params: tuple[str, ...]
    meaning: str


def kinds() -> dict[str, type[Refusal]]:
    """Every class of refusal in the product, by name."""
    found, todo = dict[str, type[Refusal]](), [Refusal]
    while todo:
        kind = todo.pop()
        found[kind.__name__] = kind
        todo += [sub for sub in kind.__subclasses__() if sub.__module__.startswith("heavylift.")]
    return found


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call in the server's source with the last name of what is called."""
    paths = [path for package in PACKAGES for path in sorted((SOURCE / package).rglob("*.py"))]
    for node in (node for path in paths if path != KEYS for node in ast.walk(tree_of(path))):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                yield name, node
            case ast.Call(func=ast.Subscript(value=ast.Name(id="CLOSED"))):
                yield from ((kind.__name__, node) for kind in CLOSED.values())


def refusals() -> list[Answer]:
    """What is refused by class. A class that only groups others is left out."""
    known = kinds()
    params: dict[str, set[str]] = {}
    for name, call in calls():
        if name in known:
            params.setdefault(name, set()).update(_params(call))
    return [
        Answer(
            name=name,
            status=status_of_kind(kind),
            code=kind.code,
            params=tuple(sorted(params.get(name, set()) | _own_params(kind))),
            meaning=" ".join((inspect.getdoc(kind) or "").split()),
        )
        for name, kind in known.items()
        if name in params or not kind.__subclasses__()
    ]


def status_of_kind(kind: type[Refusal]) -> int:
    """The status of a class, without its arguments: the table looks at nothing else."""
    return status_of(kind.__new__(kind))


def _params(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg == "param":
            yield keyword.value.value if _is_text(keyword.value) else FIELD  # type: ignore[attr-defined]


def _own_params(kind: type[Refusal]) -> set[str]:
    """What a class that words its own message says the field is."""
    if "__init__" not in vars(kind):
        return set()
    tree = ast.parse(inspect.getsource(kind))
    return {param for node in ast.walk(tree) if isinstance(node, ast.Call) for param in _params(node)}


def _is_text(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def raw_codes() -> dict[tuple[int, str], None]:
    """Status and code of the errors that are answered before there is a route, or instead of one."""
    found: dict[tuple[int, str], None] = {}
    for name, call in calls():
        if name not in RAW or not call.args or not isinstance(call.args[0], ast.Constant):
            continue
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        code = given.get("code") or (call.args[RAW[name]] if len(call.args) > RAW[name] else None)
        assert isinstance(code, ast.Constant), f"an error without a code at line {call.lineno}"
        assert isinstance(call.args[0].value, int)
        found[call.args[0].value, str(code.value)] = None
    return dict(sorted(found.items()))
