"""How a command ends: the exit codes, and one line on standard error."""

import json
import signal
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import typer

from heavylift.cli.voice import VOICE

FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
KEY_REFUSED: Final = 4
UNREACHABLE: Final = 5
INTERRUPTED: Final = 130

MEANINGS: Final = {
    0: "It is done.",
    FAILED: "It failed: the server refused or could not, or a local file cannot be read or written.",
    USAGE: "The command line, a setting or an argument is wrong. Nothing was sent.",
    NOT_FOUND: "The server does not know that id, or that URL.",
    KEY_REFUSED: "The API key is missing, wrong, or may not do this.",
    UNREACHABLE: "The server cannot be reached, or the connection broke and stayed broken.",
    INTERRUPTED: "Ctrl-C. What can be gone on with is kept.",
}
"""Every exit code, for the documentation."""


def fail(message: str, *, status: int = FAILED, facts: Mapping[str, Any] | None = None) -> NoReturn:
    """One line on standard error, and out. `facts` of the server's refusal are told in JSON alone."""
    complain(message, status=status, facts=facts)
    raise typer.Exit(status)


def complain(message: str, *, status: int = FAILED, facts: Mapping[str, Any] | None = None) -> None:
    """One line on standard error about a failure: words, or with --json an object."""
    if not VOICE.in_json:
        typer.echo(f"heavylift: {one_line(message)}", err=True)
        return
    error = {"message": one_line(message), "exit_code": status, **(facts or {})}
    typer.echo(json.dumps({"error": error}), err=True)


def interrupted(message: str = "interrupted.") -> NoReturn:
    """Out after Ctrl-C. Another one does not disturb the end any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    fail(message, status=INTERRUPTED)


def say(message: str) -> None:
    """One line on standard error, unless --quiet leaves failures alone."""
    if not VOICE.quiet:
        typer.echo(f"heavylift: {one_line(message)}", err=True)


def one_line(text: str) -> str:
    """Text from elsewhere, safe for a terminal: no line breaks, no escape sequences, nothing unprintable."""
    words = " ".join(text.split())
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)
