"""Lists fit a screen of 80 columns and never cut an id; one thing is shown with its dates, and compared."""

import json
from pathlib import Path

import pytest

from heavylift.cli import amounts
from tests.cli.typing_in import Desk, Terminal

LONG = f"{'a-very-long-name-' * 8}end.jsonl"
WIDE = "\u6587\u4ef6" * 40 + ".jsonl"
"""Letters that are two columns wide each."""


def on_screen(desk: Desk, *words: str, columns: int = 80) -> list[str]:
    with Terminal(desk, words, columns=columns) as terminal:
        assert terminal.end() == 0, terminal.seen
    return terminal.plain.splitlines()


@pytest.fixture
def file_id(desk: Desk) -> str:
    desk.run("upload", "big.jsonl", "--filename", WIDE)
    done = desk.run("upload", "big.jsonl", "--filename", LONG, "--purpose", "fine-tune", "--json")
    return str(json.loads(done.out)["file"]["id"])


@pytest.mark.parametrize(
    "words", [("files", "list"), ("ls",), ("files", "ls"), ("uploads", "list")], ids=" ".join
)
@pytest.mark.parametrize("columns", [40, 80])
def test_an_element_is_a_line_with_its_whole_id(
    desk: Desk, file_id: str, words: tuple[str, ...], columns: int
) -> None:
    from rich.cells import cell_len

    head, *lines = on_screen(desk, *words, "--limit", "2", columns=columns)
    assert head.split()[:2] == ["id", "name"]
    listed = "uploads" if words[0] == "uploads" else "files"
    ids = [one["id"] for one in json.loads(desk.run(listed, "list", "--limit", "2", "--json").out)]
    assert [line.split()[0] for line in lines] == ids
    assert all("\u2026" in line for line in lines)
    if columns == 80:
        assert max(map(cell_len, (head, *lines))) <= 80


def test_dates_are_told_from_now_and_in_full_when_asked(desk: Desk, file_id: str) -> None:
    brief = on_screen(desk, "files", "list", "--limit", "1")
    assert brief[1].endswith("now")
    wide = "".join(on_screen(desk, "files", "list", "--limit", "1", "--wide"))
    assert LONG in wide
    assert "expires" in wide
    assert "Z" in wide.split()[-1]


def test_in_a_pipe_nothing_is_cut(desk: Desk, file_id: str) -> None:
    [line] = desk.run("files", "list", "--limit", "1").out.splitlines()
    assert line.split("\t")[:4] == [file_id, LONG, "1.0 MiB", "fine-tune"]


@pytest.mark.parametrize(
    ("away", "told"),
    [
        (0, "now"), (59, "now"), (60, "1 min ago"), (3599, "59 min ago"), (3600, "1 h ago"),
        (2 * 86_400 - 1, "47 h ago"), (2 * 86_400, "2 days ago"), (29 * 86_400, "29 days ago"),
        (30 * 86_400, "2023-10-15"), (-300, "in 5 min"), (-7200, "in 2 h"),
    ],
)  # fmt: skip
def test_moments_as_seen_from_now(away: int, told: str) -> None:
    assert amounts.show_ago(1_700_000_000 - away, 1_700_000_000) == told


def test_a_file_is_shown_with_dates_its_type_and_how_to_compare_it(desk: Desk, file_id: str) -> None:
    fields = dict(line.split("\t", 1) for line in desk.run("files", "show", file_id).out.splitlines())
    unix, date = fields["created_at"].split("\t")
    assert amounts.show_moment(int(unix)) == date
    assert fields["mime_type"] == "application/jsonl (by its name)"
    words = fields["compare"].replace("PATH", "big.jsonl").split()
    assert desk.run(*words[1:]).status == 0


def test_another_file_is_told_apart(desk: Desk, file_id: str) -> None:
    content = bytearray((desk.folder / "big.jsonl").read_bytes())
    content[-1] ^= 1
    Path(desk.folder / "other").write_bytes(content)
    Path(desk.folder / "short").write_bytes(content[1:])
    for name, said in (
        ("other", "another checksum"),
        ("short", "has 1099982 bytes"),
        ("none", "No such file"),
    ):
        done = desk.run("files", "show", file_id, "--compare", name)
        assert (done.status, done.out) == (1, "")
        assert said in done.err
    assert desk.run("files", "show", file_id, file_id, "--compare", "big.jsonl").status == 2
