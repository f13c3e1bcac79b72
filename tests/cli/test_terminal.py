"""At a real terminal: the bar, Ctrl-C, and going on; in front of the real server."""

import json
from dataclasses import replace

import pytest

from tests.cli.conftest import CONTENT
from tests.cli.proxy import Proxy, proxying
from tests.cli.typing_in import Desk, Terminal
from tests.e2e.wire import eventually
from tests.serving import Served

PART = "100000"
PARTS = 11
STALLED = 5


def at(desk: Desk, proxy: Proxy) -> Desk:
    return replace(desk, variables={**desk.variables, "HEAVYLIFT_BASE_URL": proxy.url})


def parts_in_log(server: Served, upload_id: str) -> int:
    """How many parts of this Upload the server has answered with 200."""
    entries = [json.loads(line) for line in server.lines if line.startswith("{")]
    return sum(
        entry.get("path") == f"/v1/uploads/{upload_id}/parts"
        and entry["method"] == "POST"
        and entry["status"] == 200
        for entry in entries
    )


def interrupted(desk: Desk, proxy: Proxy, *options: str) -> Terminal:
    """Ctrl-C while the fifth part is on its way."""
    words = ("upload", "big.jsonl", "--part-size", PART, "--jobs", "1", *options)
    with Terminal(desk, words) as terminal:
        assert proxy.stalled.wait(60)
        terminal.until("in flight")
        terminal.press_ctrl_c()
        terminal.end()
    proxy.stall_from = None
    proxy.released.set()
    return terminal


def test_the_bar_shows_bytes_rate_time_left_and_parts_in_flight(desk: Desk) -> None:
    with Terminal(desk, ("upload", "big.jsonl", "--part-size", PART)) as terminal:
        assert terminal.end() == 0
    assert "of 1.0 MiB" in terminal.seen
    assert "MiB/s" in terminal.seen
    assert " in flight" in terminal.seen
    assert "file-" in terminal.seen.splitlines()[-1]


def test_the_bar_is_gone_in_a_pipe(desk: Desk) -> None:
    done = desk.run("upload", "big.jsonl", "--part-size", PART)
    assert done.status == 0
    assert done.err == ""
    [line] = done.out.splitlines()
    assert line.split("\t")[1:] == ["big.jsonl", "1.0 MiB"]


def test_after_ctrl_c_the_same_command_sends_only_what_is_missing(desk: Desk, server: Served) -> None:
    with proxying(server.root, stall_from=STALLED) as proxy:
        there = at(desk, proxy)
        terminal = interrupted(there, proxy)
        assert terminal.status == 130
        assert (
            f"interrupted with {STALLED - 1} of {PARTS} parts sent. The same command goes on" in terminal.seen
        )
        assert "Traceback" not in terminal.seen
        again = there.run("upload", "big.jsonl", "--part-size", PART, "--jobs", "1", "--json")
    upload = json.loads(again.out)
    assert upload["id"] in terminal.seen.replace("\r\n", "")
    eventually(lambda: parts_in_log(server, upload["id"]) == PARTS)
    assert proxy.parts == PARTS + 1
    assert desk.run("download", upload["file"]["id"], "--to", "copy").status == 0
    assert (desk.folder / "copy").read_bytes() == CONTENT


def test_with_no_keep_ctrl_c_cancels_the_upload(desk: Desk, server: Served) -> None:
    with proxying(server.root, stall_from=STALLED) as proxy:
        terminal = interrupted(at(desk, proxy), proxy, "--no-keep")
    assert terminal.status == 130
    assert "is cancelled, and nothing of it is kept" in terminal.seen
    [newest] = json.loads(desk.run("uploads", "list", "--limit", "1", "--json").out)
    assert newest["status"] == "cancelled"
    assert newest["id"] in terminal.seen


def test_ctrl_c_before_the_first_byte_says_so(desk: Desk) -> None:
    with Terminal(desk, ("upload", "-", "--filename", "typed.txt")) as terminal:
        terminal.until("typed.txt")  # it waits for somebody to type
        terminal.press_ctrl_c()
        assert terminal.end() == 130
    assert "heavylift: interrupted before anything was sent." in terminal.seen


def test_an_upload_begun_elsewhere_is_gone_on_with_by_its_id(desk: Desk, server: Served) -> None:
    with proxying(server.root, stall_from=STALLED) as proxy:
        interrupted(at(desk, proxy), proxy)
    [begun] = json.loads(desk.run("uploads", "list", "--limit", "1", "--json").out)
    elsewhere = {"XDG_STATE_HOME": str(desk.folder / "elsewhere")}
    done = desk.run("upload", "big.jsonl", "--upload-id", begun["id"], "--json", **elsewhere)
    assert json.loads(done.out)["status"] == "completed"
    eventually(lambda: parts_in_log(server, begun["id"]) == PARTS)


@pytest.mark.parametrize("words", [("files", "list"), ("uploads", "list")])
def test_a_list_is_a_table_with_a_head(desk: Desk, words: tuple[str, ...]) -> None:
    desk.run("upload", "big.jsonl")
    with Terminal(desk, (*words, "--limit", "1")) as terminal:
        assert terminal.end() == 0
    head, row = terminal.seen.splitlines()[:2]
    assert "name" in head
    assert "big.jsonl" in terminal.seen
    assert row.split()[0].startswith(("file-", "upload_"))
