"""docs/cli.md, written from the commands themselves: their help, their options, their examples."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import typer

from heavylift.cli.app import app
from heavylift.cli.exits import MEANINGS

HEAD = """# The command line

<!-- Generated from `heavylift.cli` by `make docs`. Edit the help texts there. -->

`heavylift` is the service and its client in one command. The commands in the first half talk to a server,
by default to the local one. They need `pip install .` alone, in a clone of the repository, and work with
every server of OpenAI's Uploads and Files protocol. The commands in the second half work on the server's own
machine, under Linux or macOS, and need `pip install '.[server]'`. The [README](../README.md#install) has
other ways to install.

`--help`, or `-h`, after any command explains it. `heavylift --install-completion` teaches the shell to
complete commands, options, purposes, ids and names; those of Files and Uploads it asks the server for.

Short names: `heavylift ls` and `heavylift files ls` are `heavylift files list`; `heavylift rm` and
`heavylift files rm` are `heavylift files delete`; `heavylift cat` and `heavylift files cat` write Files to
standard output, one after the other. `heavylift uploads ls` is `heavylift uploads list`, and
`heavylift uploads rm` is `heavylift uploads cancel`.

Where a File is named, its id or its name will do. A name that several Files have is refused, with their ids.
Of several on one command line, one that fails does not keep the others from their turn, unless the key is
refused or the server is gone.

## Server and key

These options stand before the command or after it: `heavylift --base-url https://files.example.com/v1
upload big.jsonl`, or `heavylift upload big.jsonl --base-url https://files.example.com/v1`. What stands after
it counts. Commands that ask no server, such as `serve` and `keys`, take `--quiet`, `--verbose` and
`--no-progress` alone.

"""

MIDDLE = """
The first of these that names a server says which it is, and the first whose key may go there says which key:

1. the options above;
2. the variables `HEAVYLIFT_BASE_URL` and `HEAVYLIFT_API_KEY`;
3. a profile that `heavylift login` has kept: the one that `HEAVYLIFT_PROFILE` names, else `default`;
4. the variables `OPENAI_BASE_URL` and `OPENAI_API_KEY`, if both are set, or with `--api-key`;
5. the service that runs on the folder `heavylift-data` in the current folder, or on the one that
   `HEAVYLIFT_DATA` names, whatever its port: `heavylift serve` records its address there as `server`, beside
   the key `api-key`.

So in the folder of a running service nothing has to be set. A key of a profile goes to the profile's server
alone, `OPENAI_API_KEY` only to the server that `OPENAI_BASE_URL` names, and a service's own key only to that
service, while it runs. For that one, `localhost`, `127.0.0.1` and `::1` mean the same, and the certificate
that it serves is believed. `--api-key ""` sends no key, to a server that asks for none. A variable that is
set but empty counts as not set. `heavylift whoami` shows what was found. The key itself
is not printed then, and never written to the journal of unfinished transfers.

A server whose certificate was signed by a private authority needs that authority's certificate:
`--ca-cert`, or the variable `HEAVYLIFT_CA_CERT`. It is believed in place of those that the system believes.

## What is printed

On a terminal: tables, and a progress bar with bytes, rate, time left, parts in flight and retries. A list
has a line for each thing: names are cut to fit the screen, ids never are, and times are told from now.
`--wide` cuts nothing, and has all columns and whole dates. In a pipe: a line per thing, all its cells, parted
by tabs, without a header. With `--json`: the objects as the server sent them, without what is null;
a list is an array, and commands about several things print one object for each. One thing is shown with a
field a line, Unix times with their dates behind them. The bar and all messages go to standard error; off a
terminal, a transfer that takes long tells every ten seconds how far it is. A failure is one line that begins
with `heavylift:` and says what to do.
With `--json` that line is an object, `{"error": {"message": ..., "exit_code": 4, ...}}`, also for a wrong
command line. If a server refused, it has what the server's envelope said: `status_code`, `code`, `param`,
`type`, `request_id`. `--quiet` leaves failures alone; `--verbose` adds lines for each request and its answer.

Sizes are bytes or have a unit: `KiB`, `MiB`, `GiB`, for short `512K`, `16M`, `1G`, of 1,024, 1,048,576 and
1,073,741,824 bytes, or `KB`, `MB`, `GB` of 1,000, 1,000,000 and 1,000,000,000. Times are
seconds or have a unit: `90s`, `15m`, `12h`, `7d`, `2w`.

## Exit codes

| code | meaning |
| --- | --- |
"""

TAIL = """
With several files, the code is that of the first one that failed; a file that cannot be read is a 1
then, since others are sent.

## Resuming after an interruption

Ctrl-C, a crash or a lost connection keeps the upload. The same command finds it in a small journal, asks
the server which parts it has, compares them with the file, and sends the rest. `--no-keep` cancels it at
Ctrl-C instead, and of several files also one that fails. What comes from standard input cannot be read twice,
so it is cancelled in any case; after a crash it expires. The last line says what
became of the Upload: kept, cancelled, or pending since the server did not take the cancellation.
From another machine, name the Upload: `heavylift upload big.jsonl --upload-id ID`, with the `--part-size` of
the first command if there was one.

An upload that is completed already is not taken for done unless its File is still there and has the local
file's checksum. Only an answer of the protocol itself ends an Upload: what a proxy refuses is tried again
where that may help, and then the Upload is kept.

The examples below are one session. They need `jq`.
"""

NOT_RUN = {"serve": "a server that does not end"}
"""By the name of a command: why its examples are not run."""

ORDER = ("login", "whoami", "logout", "check", "upload", "download", "files", "uploads", "doctor")
"""Commands of the client come first, in the order in which their examples make sense."""

LAST = ("delete", "complete", "cancel")
"""Within a group: what ends things comes after what looks at them."""


def page() -> str:
    """The whole page."""
    root = typer.main.get_command(app)
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in MEANINGS.items())
    sections = "".join(_section(command, name) for command, name in commands(root, "heavylift"))
    return HEAD + _options(root) + MIDDLE + codes + TAIL + sections


def commands(group: Any, name: str) -> Iterator[tuple[Any, str]]:
    """Every command that does something, with the words that one types for it."""
    found = group.commands
    known = [word for word in ORDER if word in found]
    rest = [word for word in found if word not in {*ORDER, *LAST}]
    for word in (*known, *rest, *(word for word in LAST if word in found)):
        command = found[word]
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {word}")
        else:
            yield command, f"{name} {word}"


def _section(command: Any, name: str) -> str:
    text = inspect.cleandoc(command.help or "")
    arguments = "".join(f" {_usage(one)}" for one in command.params if one.param_type_name == "argument")
    return (
        f"\n## `{name}`\n\n```text\n{name}{arguments} [OPTIONS]\n```\n\n{text}\n\n"
        + _options(command)
        + _examples(command)
    )


def _usage(argument: Any) -> str:
    shown = argument.metavar or argument.name.upper()
    return shown if argument.required else f"[{shown}]"


def _options(command: Any) -> str:
    """A table of arguments and options. Those of the shell's completion are the shell's business."""
    rows = [
        f"| {_name(one)} | {_meaning(one)} |\n"
        for one in command.params
        if not {"--help", "--install-completion", "--show-completion"} & set(one.opts)
    ]
    return "| option | meaning |\n| --- | --- |\n" + "".join(rows) if rows else ""


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.is_flag:
        return names
    return f"{names} `{parameter.metavar or parameter.name.upper()}`"


def _meaning(parameter: Any) -> str:
    said = [re.sub(r"\s+", " ", parameter.help or "").replace("|", "\\|")]
    if parameter.required:
        said.append("Required.")
    if getattr(parameter, "show_default", False) and parameter.default not in {None, False, ""}:
        said.append(f"Default: {_default(parameter)}.")
    if parameter.envvar:
        variables = [parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar
        said.append("Variables: " + ", then ".join(f"`{name}`" for name in variables) + ".")
    return " ".join(said)


def _default(parameter: Any) -> str:
    return f"`{parameter.opts[0]}`" if parameter.is_flag else f"`{parameter.default}`"


def _examples(command: Any) -> str:
    lines = (command.epilog or "").split("\n\n")[1:]
    if not lines:
        return ""
    reason = NOT_RUN.get(command.name)
    comment = f"<!-- not run: {reason} -->\n" if reason else ""
    return f"\n{comment}```sh\n" + "\n".join(lines) + "\n```\n"
