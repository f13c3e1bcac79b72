"""Every message that the service answers a refusal with, found in its source as a template."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from tests.house.codes import KEYS, PACKAGES, kinds
from tests.house.project import SOURCE, tree_of

MESSAGE_AT = {"error_response": 1, "Refused": 1, "malformed": 0, "_malformed": 0}
"""What answers without a refusal of its own, or words one for others, and where it takes the message."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message: where it is made, its text with a `{}` for each placeholder, and what stands in those.

    `advised`: whoever words the rest of it says what to do.
    """

    where: str
    text: str
    placeholders: tuple[ast.expr, ...]
    advised: bool = False

    @property
    def echoes(self) -> list[str]:
        """The placeholders as the source has them, without those that are cut where they stand."""
        return [ast.unparse(one) for one in self.placeholders if not _is_cut(one)]


def messages() -> list[Message]:
    """All of them. Raises AssertionError for one whose words cannot be found."""
    paths = [
        path for package in PACKAGES for path in sorted((SOURCE / package).rglob("*.py")) if path != KEYS
    ]
    found = []
    for path in paths:
        module = tree_of(path)
        functions = [node for node in ast.walk(module) if isinstance(node, Function)]
        constants = _constants(module)
        for function in functions:
            for call in _calls(function):
                where = f"{path.relative_to(SOURCE)}:{call.lineno}"
                for node in _words(call, function, functions):
                    advised = ast.unparse(call.func) == "malformed"
                    found.append(_message(where, node, constants, advised=advised))
    return found + [_message(kind.__name__, node) for kind in kinds().values() for node in _own_words(kind)]


def _calls(function: Function) -> Iterator[ast.Call]:
    """Those in it that word a refusal, and not in a function within it."""
    todo: list[ast.AST] = [*function.body]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Call) and _position(node) is not None:
            yield node
        todo += [below for below in ast.iter_child_nodes(node) if not isinstance(below, Function)]


def _position(call: ast.Call) -> int | None:
    """Where the call takes its message; None if it words nothing."""
    match call.func:
        case ast.Subscript(value=ast.Name(id="CLOSED")):
            return 0
        case ast.Name(id=name) | ast.Attribute(attr=name):
            kind = kinds().get(name)
            if kind is not None:
                return None if _own_words(kind) else 0
            return MESSAGE_AT.get(name)
    return None


def _words(call: ast.Call, function: Function, functions: list[Function]) -> Iterator[ast.expr]:
    """What the message of a call may be, as far as this module says; of one that is handed on, nothing:
    whoever words it is found by itself."""
    position = _position(call)
    assert position is not None
    yield from _resolved(call.args[position], function, functions)


def _resolved(node: ast.expr, function: Function, functions: list[Function]) -> Iterator[ast.expr]:
    match node:
        case ast.Constant() | ast.JoinedStr():
            yield node
        case ast.Name(id=name) if name in {one.arg for one in function.args.args}:
            assert function.name in MESSAGE_AT, f"who words {ast.unparse(node)} of {function.name}?"
        case ast.Name(id=name):
            values = [
                one.value for one in ast.walk(function)
                if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == name
            ]  # fmt: skip
            assert values, f"no words of {name} in {function.name}"
            for value in values:
                yield from _resolved(value, function, functions)
        case ast.Call(func=ast.Name(id=name)) if name in {one.name for one in functions}:
            [called] = [one for one in functions if one.name == name]
            for end in ast.walk(called):
                if isinstance(end, ast.Return) and end.value is not None:
                    yield from _resolved(end.value, called, functions)
        case _:
            assert ast.unparse(node) in RELAYED, f"no words of {ast.unparse(node)} in {function.name}"


RELAYED = {
    "refusal.message": "a refusal that was worded before, with another field or as an answer",
    "str(error.detail)": "the framework's own words for a status that it does not use here",
}
"""What is no message of its own."""


def _own_words(kind: type) -> list[ast.expr]:
    """What a class says that takes no message but words one itself."""
    if "__init__" not in vars(kind) or kind.__name__ == "Refusal":
        return []
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind.__init__)))  # type: ignore[misc]
    return [
        node.args[0] for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__"
        and node.args and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
    ]  # fmt: skip


def _constants(module: ast.Module) -> dict[str, str]:
    """The texts that the module gives a name."""
    return {
        ast.unparse(node.targets[0]): node.value.value
        for node in module.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def _message(
    where: str, node: ast.expr, constants: dict[str, str] | None = None, *, advised: bool = False
) -> Message:
    text, held = "", []
    for piece in node.values if isinstance(node, ast.JoinedStr) else [node]:
        if isinstance(piece, ast.FormattedValue):
            named = (constants or {}).get(ast.unparse(piece.value))
            held += [] if named else [piece.value]
            text += named or "{}"
        else:
            assert isinstance(piece, ast.Constant)
            text += str(piece.value)
    return Message(where=where, text=text, placeholders=tuple(held), advised=advised)


def _is_cut(node: ast.expr) -> bool:
    """Whether it is a slice to a fixed length."""
    return (
        isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and node.slice.upper is not None
    )
