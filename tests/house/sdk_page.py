"""docs/sdk-reference.md, written from the SDK's own signatures: a section for each operation."""

import ast
import inspect
import textwrap
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

from heavylift import errors, funcs
from heavylift.client import models
from heavylift.client.errors import error_for
from heavylift.domain.limits import Limits
from tests.house import errors_page
from tests.house.codes import raw_codes, refusals
from tests.house.project import ROOT

HEAD = """# The Python SDK, operation by operation

<!-- Generated from `heavylift.client` by `make docs`. Signatures and first paragraphs are those of the code;
     the other words stand in `tests/house/sdk_words.toml`. -->

Every operation is a method of `client.uploads` or `client.files`, and a function of `heavylift.funcs`. A
method gives the answer or raises. A function gives `Ok(value)` or `Err(error)`, and raises no known error.
With `AsyncHeavylift` both are awaited; a list's method is iterated over with `async for`. [sdk.md](sdk.md)
tells how it all goes together, [errors.md](errors.md) what to do about each error of the server.

"""

ALWAYS = """
## Errors of every operation

| raised | status | code | when |
| --- | --- | --- | --- |
"""

CLIENT_ERRORS = ("SDKValidationError", "ConnectionError", "CertificateError", "RequestTimeoutError",
                 "RequestAbortedError", "InvalidRequestError", "UnexpectedClientError")  # fmt: skip
"""What every operation may raise before there is an answer."""

WORDS = tomllib.loads((ROOT / "tests" / "house" / "sdk_words.toml").read_text(encoding="utf-8"))
"""What no signature and no docstring says."""

BAR = "\\|"
"""What stands between the types of a union, in a table."""

WIDE = 100
"""Characters of a line of an example."""

SAID: dict[str, Any] = WORDS["operations"]
LIMITS = Limits()
ANSWERS = (
    models.Upload,
    models.CompletedUpload,
    models.UploadPart,
    models.File,
    models.FileDeleted,
    models.DownloadedFile,
    models.FileResult,
    models.Page,
)


def page() -> str:
    """The whole page."""
    names = [name for name in funcs.__all__ if hasattr(getattr(funcs, name), "flow")]
    names.sort(key=lambda name: (list(SAID).index(name) if name in SAID else len(SAID), name))
    contents = "".join(f"- [`{_method(name)}`](#{_method(name).replace('.', '')})\n" for name in names)
    return HEAD + contents + "".join(_section(name) for name in names) + _common() + _answers()


def _method(name: str) -> str:
    resource, _, operation = name.partition("_")
    return f"{resource}.{operation}"


def parameters(name: str) -> Iterator[tuple[inspect.Parameter, str]]:
    """The parameters of an operation, each with its type as the source writes it."""
    flow = inspect.unwrap(getattr(funcs, name).flow)
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(flow))).body
    assert isinstance(tree, ast.FunctionDef)
    written = {
        argument.arg: ast.unparse(argument.annotation)
        for argument in (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs)
        if argument.annotation is not None
    }
    for parameter in inspect.signature(flow).parameters.values():
        yield parameter, written.get(parameter.name, "")


def _section(name: str) -> str:
    said = inspect.getdoc(getattr(funcs, name).flow) or ""
    limits = SAID.get(name, {}).get("limits", "").format(limits=LIMITS)
    return (
        f"\n## `{_method(name)}`\n\n{said}\n\n{limits}\n\n"
        + _forms(name)
        + _example(name)
        + _table(name)
        + _answer(name)
        + _errors(name)
    )


def _forms(name: str) -> str:
    """How it is called, in its four ways."""
    method, awaited, held = _returned(name)
    wait = "" if method.startswith("Pager") else "await "
    lines = (
        f"client.{_method(name)}(...) -> {method}",
        f"{wait}async_client.{_method(name)}(...) -> {awaited}",
        f"funcs.{name}(client, ...) -> Result[{held}]",
        f"await funcs.{name}(async_client, ...) -> Result[{held}]",
    )
    return "```text\n" + "\n".join(lines) + "\n```\n\n"


def _returned(name: str) -> tuple[str, str, str]:
    """What the method gives, the asynchronous one, and what the function holds."""
    flow = inspect.unwrap(getattr(funcs, name).flow)
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(flow))).body
    assert isinstance(tree, ast.FunctionDef)
    assert isinstance(tree.returns, ast.Subscript)
    held = ast.unparse(tree.returns.slice)
    if held.startswith("Page["):
        item = held.removeprefix("Page[").removesuffix("]")
        return f"Pager[{item}]", f"AsyncPager[{item}]", held
    return held, held, held


def _example(name: str) -> str:
    if name not in SAID:
        return ""
    before, arguments = SAID[name]["before"], SAID[name]["arguments"]
    lines = ["from heavylift import Heavylift, funcs", "", "with Heavylift() as client:"]
    lines += textwrap.indent(before, "    ").splitlines()
    if _returned(name)[0].startswith("Pager"):
        lines += [f"    for found in client.{_method(name)}({arguments}):", "        print(found.id)"]
    else:
        lines += [_call(f"    answer = client.{_method(name)}(", arguments), "    print(answer)"]
    lines += [_call(f"    result = funcs.{name}(", f"client, {arguments}"), "    print(result.ok)"]
    return "```python\n" + "\n".join(lines) + "\n```\n\n"


def _call(head: str, arguments: str) -> str:
    """One line, or one for each argument where it would be long."""
    line = f"{head}{arguments})"
    if len(line) <= WIDE:
        return line
    return "\n".join([head, *(f"        {argument}," for argument in arguments.split(", ")), "    )"])


def _table(name: str) -> str:
    rows = "".join(
        f"| `{parameter.name}` | `{written.replace('|', BAR)}` | {_default(parameter)}"
        f" | {WORDS['parameters'].get(parameter.name, '')} |\n"
        for parameter, written in parameters(name)
    )
    return f"| parameter | type | default | meaning |\n| --- | --- | --- | --- |\n{rows}\n"


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default is inspect.Parameter.empty:
        return "required"
    shown = (
        f"{parameter.default:,}"
        if type(parameter.default) is int
        else repr(parameter.default).replace("'", '"')
    )
    return f"`{shown}`"


def _answer(name: str) -> str:
    held = _returned(name)[2]
    kind = held.removeprefix("Page[").removeprefix("list[").removesuffix("]")
    return f"The answer: [`{kind}`](#{kind.lower()}){' entries' if held != kind else ''}.\n\n"


def rows_of(codes: Sequence[str]) -> list[tuple[str, int, str, str]]:
    """Class, status, code and meaning of every kind of error that these stand for."""
    found = [
        (answer.status, answer.code, answer.meaning)
        for answer in refusals()
        if {answer.code, answer.name} & set(codes)
    ]
    found += [(status, code, errors_page.RAW[code][0]) for status, code in raw_codes() if code in codes]
    return sorted(
        {
            (type(error_for(status, {}, "", None)).__name__, status, code or "", meaning)
            for status, code, meaning in found
        },
        key=lambda row: (row[1], row[2], row[3]),
    )


def _lines(codes: Sequence[str]) -> str:
    return "".join(
        f"| `{kind}` | {status} | {f'`{code}`' if code else 'none'} | {meaning} |\n"
        for kind, status, code, meaning in rows_of(codes)
    )


def _local(names: Sequence[str]) -> str:
    return "".join(f"| `{name}` | | | {_about(name)} |\n" for name in names)


def _about(name: str) -> str:
    kind: Any = getattr(errors, name, None)
    said = WORDS["about"].get(name) or (inspect.getdoc(kind) or "").split("\n\n")[0]
    return " ".join(said.split())


def _errors(name: str) -> str:
    said = SAID.get(name, {})
    head = "| raised | status | code | when |\n| --- | --- | --- | --- |\n"
    return (
        "Errors, beside [those of every operation](#errors-of-every-operation):\n\n"
        f"{head}{_lines(said.get('codes', []))}{_local(said.get('local', []))}"
    )


def _common() -> str:
    return ALWAYS + _lines(WORDS["common"]) + _local(CLIENT_ERRORS)


def _answers() -> str:
    text = "\n# Answers\n\nFields that this version does not know are kept: `model_extra` has them.\n"
    for model in ANSWERS:
        said = " ".join((inspect.getdoc(model) or "").split())
        rows = "".join(f"| `{field}` | {WORDS['fields'].get(field, '')} |\n" for field in model.model_fields)
        text += (
            f"\n## {model.__name__.partition('[')[0]}\n\n{said}\n\n| field | meaning |\n| --- | --- |\n{rows}"
        )
    return text
