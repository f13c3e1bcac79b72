"""Every documented exit code, provoked; every error one line with a remedy."""

import json
from dataclasses import replace

import pytest

from heavylift.cli.exits import MEANINGS
from tests.cli.typing_in import Desk, Ended
from tests.ports import closed_port
from tests.support.stand_in import Handler, StandIn

WRONG = [
    ("upload", "missing.jsonl"),
    ("upload",),
    ("upload", "-"),
    ("upload", "big.jsonl", "big.jsonl", "--filename", "x"),
    ("upload", "-", "--filename", "x", "--upload-id", "upload_1"),
    ("upload", "big.jsonl", "--part-size", "65M"),
    ("uploads", "cancel"),
    ("uploads", "add-part", "--upload-id", "upload_1", "--data", "big.jsonl"),
    ("uploads", "add-part", "--upload-id", "upload_1", "--data", "@big.jsonl", "--offset", "1G"),
    ("files", "show", ".."),
    ("download", "file-1", "--to", "-", "--json"),
    ("--base-url", "ftp://nowhere", "files", "list"),
    ("--timeout", "inf", "files", "list"),
]


def check(ended: Ended, status: int) -> None:
    assert ended.status == status, ended
    [line] = ended.err.splitlines()
    if line.startswith("{"):
        line = f"heavylift: {json.loads(line)['error']['message']}"
    assert line.startswith("heavylift: ")
    assert line.endswith((".", "/*", "UPLOAD_ID", "FILE"))
    assert ended.out == ""


def test_every_documented_code_is_provoked_here_or_at_the_terminal() -> None:
    assert set(MEANINGS) == {0, 1, 2, 3, 4, 5, 130}


def test_0_when_it_is_done(desk: Desk) -> None:
    assert desk.run("files", "list").status == 0


def test_1_when_the_server_refuses(desk: Desk) -> None:
    check(desk.run("upload", "big.jsonl", "--purpose", "nonsense"), 1)
    check(desk.run("upload", "big.jsonl", "--purpose", "vision"), 1)


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_2_when_the_command_line_is_wrong(
    plain_desk: Desk, words: tuple[str, ...], stand_in: StandIn
) -> None:
    check(plain_desk.run(*words), 2)
    assert stand_in.asked == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("upload", "big.jsonl", "--part-size", "1x"), "is not a size"),
        (("upload", "big.jsonl", "--expires-after", "soon"), "is not a time"),
        (("upload", "big.jsonl", "--expires-after", "[1]"), "is not a time"),
        (("upload", "big.jsonl", "--expires-after", '{"anchor": 1}'), "the object looks like"),
        (("upload", "big.jsonl", "--jobs", "0"), "it must be at least 1"),
        (("files", "lst"), "No such command"),
    ],
    ids=str,
)
def test_2_when_a_value_cannot_be_read(plain_desk: Desk, words: tuple[str, ...], said: str) -> None:
    ended = plain_desk.run(*words)
    assert ended.status == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_3_when_there_is_no_such_thing(desk: Desk) -> None:
    check(desk.run("files", "show", "file-none"), 3)
    check(desk.run("download", "file-none"), 3)
    check(desk.run("uploads", "show", "upload_none"), 3)
    check(
        desk.run("--base-url", desk.variables["HEAVYLIFT_BASE_URL"].removesuffix("/v1"), "files", "list"), 3
    )


def test_4_when_the_key_is_wrong_or_missing(desk: Desk) -> None:
    check(desk.run("files", "list", HEAVYLIFT_API_KEY="wrong"), 4)
    check(desk.run("files", "list", HEAVYLIFT_API_KEY=""), 4)
    check(desk.run("upload", "big.jsonl", HEAVYLIFT_API_KEY="wrong"), 4)


def test_5_when_nobody_answers(desk: Desk) -> None:
    with closed_port() as port:
        check(desk.run("files", "list", HEAVYLIFT_BASE_URL=f"http://127.0.0.1:{port}/v1"), 5)


def test_5_when_the_server_is_silent_for_too_long(plain_desk: Desk, stand_in: StandIn) -> None:
    def hang(handler: Handler) -> bool:
        handler.close_connection = True
        return stand_in.released.wait()

    stand_in.faults.append(hang)
    ended = plain_desk.run("--timeout", "0.2", "files", "list")
    *told, last = ended.err.splitlines(keepends=True)
    assert len(told) == 1
    assert "listFiles failed" in told[0]
    assert "The next attempt is in" in told[0]
    check(replace(ended, err=last), 5)


def test_an_answer_that_is_no_answer_is_told_in_one_line(plain_desk: Desk, stand_in: StandIn) -> None:
    def page(handler: Handler) -> bool:
        handler.say(200, b"<html>\nWelcome</html>")
        return True

    stand_in.faults.append(page)
    check(plain_desk.run("files", "list"), 1)
