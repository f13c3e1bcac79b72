"""`heavylift check`: JSON lines looked through before a byte is sent."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from heavylift.cli.exits import FAILED, USAGE, complain, one_line, say
from heavylift.cli.output import AsJson, examples

if TYPE_CHECKING:
    from heavylift.cli.jsonlines import Kind, Problem

KINDS: Final[dict[str, "Kind"]] = {"batch": "batch", "fine-tune": "fine-tune", "evals": "evals"}
"""Purposes whose files are JSON lines of a known format."""
SHOWN: Final = 100
"""Lines about one file; the rest is counted."""

EXAMPLES = examples("heavylift check big.jsonl --purpose fine-tune")

Paths = Annotated[list[str], typer.Argument(metavar="PATH...", help="Files of JSON lines.")]
Purpose = Annotated[
    Literal["batch", "fine-tune", "evals"],
    typer.Option(help="What they are for: it says which fields a line needs."),
]


def check(paths: Paths, purpose: Purpose, as_json: AsJson = False) -> None:
    """Look JSON lines through, without a server: what is wrong, with the number of its line.

    Each line must be one JSON object in UTF-8. A batch needs `custom_id` (each once), `method`,
    `url` and `body.model`; fine-tuning needs `messages`, or `prompt` and `completion`, or `input`,
    `preferred_output` and `non_preferred_output`; evals need `item`. The exit code is 1 if
    anything is wrong.
    """
    if status := look_through(paths, purpose, as_json=as_json):
        raise typer.Exit(status)


def look_through(paths: Iterable[str], kind: "Kind", *, as_json: bool, err: bool = False) -> int:
    """All of these files; the exit code. What is wrong is told on standard output, or on that for errors."""
    status = 0
    for path in paths:
        try:
            wrong = _look_through(path, kind, as_json=as_json, err=err)
        except (OSError, ValueError) as error:
            complain(f"{path}: {getattr(error, 'strerror', None) or error}.", status=USAGE)
            status = status or USAGE
        else:
            status = FAILED if wrong else status
    return status


def _look_through(path: str, kind: "Kind", *, as_json: bool, err: bool) -> int:
    from heavylift.cli.jsonlines import Lines

    lines, wrong = Lines(kind), 0
    with open(path, "rb") as file:
        for problem in lines.problems(file):
            wrong += 1
            if wrong <= SHOWN:
                typer.echo(_told(path, problem, as_json=as_json), err=err)
    more = f"; the first {SHOWN} are shown" if wrong > SHOWN else ""
    counted = f"{lines.count:,} {'line' if lines.count == 1 else 'lines'}"
    say(f"{path}: {counted}, {wrong or 'nothing'} wrong{more}.")
    return wrong


def _told(path: str, problem: "Problem", *, as_json: bool) -> str:
    if not as_json:
        return one_line(f"{path}:{problem.line}: {problem.code}: {problem.message}.")
    shown = {"path": path, "line": problem.line, "code": problem.code, "message": problem.message}
    return json.dumps(shown)
