"""Options before and after any command; wrong command lines, told in one style; failures as JSON."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from heavylift.cli.app import app
from heavylift.cli.everywhere import command
from tests.cli.typing_in import Desk

FOREIGN = re.compile(r"<\w+(\[\w+\])?( range)?>|Input should|Traceback|╭|Usage:", re.IGNORECASE)
"""Words of the libraries beneath, and boxes, which no failure shows."""

WRONG: list[tuple[str, ...]] = [
    ("files", "lst"),
    ("files", "list", "--limit", "x"),
    ("files", "list", "--limit", "0"),
    ("files", "list", "--order", "up"),
    ("files", "list", "--nothing"),
    ("files", "show"),
    ("files", "show", ""),
    ("files", "show", "a", "--compare"),
    ("upload",),
    ("upload", "big.jsonl", "--part-size", "much"),
    ("upload", "big.jsonl", "--jobs", "65"),
    ("upload", "big.jsonl", "--expires-after", "soon"),
    ("uploads", "create", "--bytes", "1"),
    ("uploads", "cancel"),
    ("--timeout", "x", "whoami"),
    ("whoami", "--timeout", "0"),
    ("whoami", "--profile"),
    ("nothing",),
    ("keys", "create", "extra"),
    ("serve", "--port", "x"),
]


def leaves(one: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, one
    for name, inside in getattr(one, "commands", {}).items():
        yield from leaves(inside, (*path, name))


COMMANDS = dict(leaves(command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_speaks_no_types_of_the_language(path: tuple[str, ...]) -> None:
    one = COMMANDS[path]
    context = one.make_context("heavylift", [], resilient_parsing=True, help_option_names=["-h", "--help"])
    shown = [*one.collect_usage_pieces(context)]
    shown += [str(option.display_type_rich(context) or "") for option in one.params]
    assert [word for word in shown if FOREIGN.search(word) or "{" in word] == []
    names = {name for option in one.params for name in option.opts}
    assert {"-q", "-v", "--no-progress"} <= names


@pytest.mark.parametrize("words", [("-h",), ("upload", "-h"), ("files", "list", "-h")], ids=" ".join)
def test_h_is_help(desk: Desk, words: tuple[str, ...]) -> None:
    done = desk.run(*words)
    assert done.status == 0
    assert not re.search(r"<\w+(\[\w+\])?( range)?>|[<>]=", done.out)
    assert ("1-64" in done.out) == (words[0] == "upload")
    assert "--base-url" in done.out


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_a_wrong_command_line_is_one_line(desk: Desk, words: tuple[str, ...]) -> None:
    done = desk.run(*words)
    assert done.status == 2, done
    [line] = done.err.splitlines()
    assert line.startswith("heavylift: ")
    assert not FOREIGN.search(line), line


@pytest.mark.parametrize("words", WRONG[::5], ids=" ".join)
def test_with_json_it_is_one_object(desk: Desk, words: tuple[str, ...]) -> None:
    told = desk.run(*words, "--json")
    assert told.status == 2, told
    error = json.loads(told.err)["error"]
    assert error["exit_code"] == 2
    assert not FOREIGN.search(error["message"])


def test_server_and_key_are_named_before_or_after_the_command(desk: Desk) -> None:
    url, key = desk.variables["HEAVYLIFT_BASE_URL"], desk.variables["HEAVYLIFT_API_KEY"]
    options = ("--base-url", url, "--api-key", key, "--timeout", "20")
    bare = Desk(folder=desk.folder, variables={})
    assert bare.run(*options, "files", "list").status == 0
    assert bare.run("files", "list", *options).status == 0
    assert bare.run("files", *options, "list").status == 0
    last = bare.run("--base-url", "http://127.0.0.1:1/v1", "files", "list", *options)
    assert (last.status, last.err) == (0, "")


def test_a_refusal_in_json_has_what_the_server_said(desk: Desk) -> None:
    done = desk.run("files", "show", "file-nothing", "--json")
    assert done.status == 3
    assert done.out == ""
    error = json.loads(done.err)["error"]
    assert error["status_code"] == 404
    assert error["exit_code"] == 3
    assert error["request_id"].startswith("req_")


def test_verbose_tells_each_request_and_quiet_none(desk: Desk) -> None:
    loud = desk.run("files", "list", "-v")
    assert loud.status == 0
    assert "/v1/files" in loud.err
    assert all(line.startswith("heavylift: ") for line in loud.err.splitlines())
    assert desk.variables["HEAVYLIFT_API_KEY"] not in loud.err
    assert desk.run("files", "list", "-q").err == ""


def test_quiet_keeps_the_failures_of_many_files(desk: Desk) -> None:
    (desk.folder / "empty.jsonl").touch()
    done = desk.run("upload", "big.jsonl", "empty.jsonl", "-q")
    assert done.status == 1
    [line] = done.err.splitlines()
    assert line.startswith("heavylift: empty.jsonl: ")
