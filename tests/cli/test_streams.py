"""Closed and full standard streams end in one plain line, and nothing is written where it does not belong."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from tests.cli.typing_in import SECONDS, Desk
from tests.support.stand_in import StandIn, keep


def shell(desk: Desk, words: str, streams: str) -> "subprocess.CompletedProcess[str]":
    """The command in a shell, with its streams as written."""
    command = f"exec {shlex.quote(sys.executable)} -m heavylift.cli {words} {streams}"
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=desk.folder, env=desk.environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("words", ["files list --json", "--version", "doctor --json"])
@pytest.mark.parametrize(("streams", "says"), [(">&-", "is closed"), (">/dev/full", "No space left")])
def test_an_answer_that_nobody_can_have_is_one_line(desk: Desk, words: str, streams: str, says: str) -> None:
    done = shell(desk, words, streams)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    told = json.loads(line)["error"]["message"] if "--json" in words else line.removeprefix("heavylift: ")
    assert told != line
    assert says in told


def test_without_standard_error_the_answer_is_the_same(desk: Desk) -> None:
    assert shell(desk, "files list --json", "2>&-").stdout == shell(desk, "files list --json", "").stdout


def test_a_closed_input_is_an_empty_one(desk: Desk) -> None:
    done = shell(desk, "upload - --filename a.bin --purpose user_data", "<&-")
    assert done.returncode != 0
    assert "holds no bytes" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("files", [1, 3_000])  # what is written at the end, and in the middle of a list
def test_a_reader_that_has_seen_enough_is_no_trouble(plain_desk: Desk, stand_in: StandIn, files: int) -> None:
    for _ in range(files):
        keep(stand_in, "a.bin", "user_data", b"abc")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "heavylift.cli", "files", "list", "--json"],
            cwd=plain_desk.folder, env=plain_desk.environment, stdout=writer, stderr=subprocess.PIPE,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert stand_in.count("GET /files.*") == 1
    assert done.stderr == b""
