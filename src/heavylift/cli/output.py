"""What goes to standard output: tables and fields for people, tab-separated lines in a pipe, or JSON."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import typer

from heavylift.cli.amounts import show_moment
from heavylift.cli.exits import one_line

if TYPE_CHECKING:
    from pydantic import BaseModel

M = TypeVar("M", bound="BaseModel")
Thing = TypeVar("Thing")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Wide = Annotated[
    bool, typer.Option("--wide", help="On a terminal, too: all columns, nothing cut, dates in full.")
]

GAP, TAB = "  ", "\t"
"""Between two columns, on a terminal and elsewhere."""
SHORTEST = 8
"""Columns of the screen that a name keeps, however little room there is."""


@dataclass(frozen=True, slots=True)
class View(Generic[Thing]):
    """What a list tells of each element, and above it."""

    columns: Sequence[str]
    row: Callable[[Thing], Sequence[str]]


def examples(*lines: str) -> str:
    """What stands below a command's help; the reference has the same lines and runs them."""
    return "\n\n".join(("Examples:", *lines))


def as_data(model: "BaseModel") -> dict[str, Any]:
    """The object as the server sent it, unknown fields included, without what is null."""
    return model.model_dump(mode="json", exclude_unset=True, exclude_none=True)


def show_json(value: object) -> None:
    """One line of JSON."""
    typer.echo(json.dumps(value))


def show_object(model: "BaseModel", *, as_json: bool) -> None:
    """One object: a field a line, or JSON."""
    if as_json:
        show_json(as_data(model))
    else:
        show_fields(fields_of(model))


def fields_of(model: "BaseModel") -> dict[str, str]:
    """What the server sent, field by field; Unix times with their dates behind them."""
    return dict(_flattened(as_data(model)))


def show_fields(flat: Mapping[str, str]) -> None:
    """A field a line: aligned on a terminal, parted by a tab elsewhere."""
    width = max(len(name) for name in flat) if sys.stdout.isatty() else 0
    for name, value in flat.items():
        typer.echo(f"{name:<{width}}{GAP}{value}" if width else f"{name}\t{value}")


def _flattened(data: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
            continue
        told = one_line(value if isinstance(value, str) else json.dumps(value))
        if name.endswith("_at") and isinstance(value, int):
            told = f"{told}{GAP if sys.stdout.isatty() else TAB}{show_moment(value)}"
        yield f"{prefix}{name}", told


def show_list(found: Iterable[M], full: View[M], brief: View[M], *, wide: bool, as_json: bool) -> None:
    """Many objects: a line for each, or JSON. In a pipe each is printed as it comes, in full."""
    if not as_json:
        view = brief if in_brief(wide=wide) else full
        show_table(view.columns, map(view.row, found), wide=wide)
        return
    opening = "["
    for one in found:
        typer.echo(opening + json.dumps(as_data(one)), nl=False)
        opening = ", "
    typer.echo("[]" if opening == "[" else "]")


def in_brief(*, wide: bool) -> bool:
    """Whether lists are for a screen's width."""
    return sys.stdout.isatty() and not wide


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, wide: bool = False) -> None:
    """A table on a terminal; elsewhere a line per row, without a header, its cells parted by tabs.

    Of what does not fit on the screen, names are cut; ids never are.
    """
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo(TAB.join(one_line(cell) for cell in row))
        return

    from rich.cells import cell_len

    cells = [list(columns), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(cell_len(row[number]) for row in cells) for number in range(len(columns))]
    if "name" in columns and not wide:
        name = columns.index("name")
        room = _screen() - sum(widths) - len(GAP) * (len(widths) - 1)
        widths[name] = max(min(widths[name], SHORTEST), widths[name] + min(room, 0))
    for number, row in enumerate(cells):
        shown = (_fitted(cell, width) for cell, width in zip(row, widths, strict=True))
        line = GAP.join(shown).rstrip()
        typer.echo(typer.style(line, bold=True) if number == 0 else line)


def _screen() -> int:
    """Columns of the terminal."""
    import shutil

    return shutil.get_terminal_size().columns


def _fitted(text: str, width: int) -> str:
    """The text in so many columns: filled up, or without its middle."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text + " " * (width - cell_len(text))
    head = set_cell_size(text, (width - 1) // 2)
    tail = text[len(head) :]
    while cell_len(tail) > width - 1 - cell_len(head):
        tail = tail[1:]
    return set_cell_size(f"{head}…{tail}", width)
