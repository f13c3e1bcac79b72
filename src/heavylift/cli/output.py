"""What goes to standard output: tables and fields for people, tab-separated lines in a pipe, or JSON."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from heavylift.cli.exits import one_line

if TYPE_CHECKING:
    from pydantic import BaseModel

M = TypeVar("M", bound="BaseModel")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def examples(*lines: str) -> str:
    """What stands below a command's help; the reference has the same lines and runs them."""
    return "\n\n".join(("Examples:", *lines))


def as_data(model: "BaseModel") -> dict[str, Any]:
    """The object as the server sent it, unknown fields included."""
    return model.model_dump(mode="json", exclude_none=True)


def show_json(value: object) -> None:
    """One line of JSON."""
    typer.echo(json.dumps(value))


def show_object(model: "BaseModel", *, as_json: bool) -> None:
    """One object: a field a line, or JSON."""
    data = as_data(model)
    if as_json:
        show_json(data)
        return
    show_fields(dict(_flattened(data)))


def show_fields(flat: Mapping[str, str]) -> None:
    """A field a line: aligned on a terminal, parted by a tab elsewhere."""
    width = max(len(name) for name in flat) if sys.stdout.isatty() else 0
    for name, value in flat.items():
        typer.echo(f"{name:<{width}}\t{value}" if not width else f"{name:<{width}}  {value}")


def _flattened(data: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", one_line(value if isinstance(value, str) else json.dumps(value))


def show_list(
    columns: Sequence[str], found: Iterable[M], row: Callable[[M], Sequence[str]], *, as_json: bool
) -> None:
    """Many objects: a table with a `row` for each, or JSON. In a pipe each is printed as it comes."""
    if not as_json:
        show_table(columns, map(row, found))
        return
    opening = "["
    for one in found:
        typer.echo(opening + json.dumps(as_data(one)), nl=False)
        opening = ", "
    typer.echo("[]" if opening == "[" else "]")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; elsewhere a line per row, without a header, its cells parted by tabs."""
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(one_line(cell) for cell in row))
        return

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold")
    cells = [[Text(one_line(cell)) for cell in row] for row in rows]
    for number, column in enumerate(columns):
        longest = max((row[number].cell_len for row in cells), default=0) if number == 0 else None
        table.add_column(column, min_width=longest, overflow="fold")  # an id is for copying: never broken
    for line in cells:
        table.add_row(*line)
    Console().print(table)
