"""`heavylift upload` of folders and lists, against the real service: what is sent, said, and ended with."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.typing_in import Desk, Ended


@pytest.fixture
def corpus(desk: Desk) -> Path:
    """Six files on two levels, a link in a circle, and a FIFO."""
    folder = desk.folder / "corpus"
    (folder / "de").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "c.log", "de/a.txt", "de/b.txt", "de/c.log"):
        (folder / name).write_bytes(name.encode() * 9)
    (folder / "de" / "circle").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    return folder


def names(done: Ended) -> list[str]:
    return sorted(line.split("\t")[1] for line in done.out.splitlines())


def test_a_folder_is_sent_a_line_each_and_what_is_no_file_is_told(desk: Desk, corpus: Path) -> None:
    done = desk.run("upload", "corpus", "--exclude", "*.log")
    assert done.status == 0, done.err
    assert names(done) == ["a.txt", "b.txt", "de/a.txt", "de/b.txt"]
    said = done.err.splitlines()
    assert [line for line in said if "circle: left out: a link" in line]
    assert [line for line in said if "pipe: left out: no regular file" in line]
    assert said[-1].startswith("heavylift: 4 sent ")


def test_one_missing_or_refused_file_keeps_no_other_and_the_same_command_sends_the_rest(
    desk: Desk, corpus: Path
) -> None:
    (corpus / "empty").touch()
    words = ("upload", "corpus", "gone.txt", "--json")
    first = desk.run(*words)
    assert first.status == 1
    found = {one["filename"]: one for one in map(json.loads, first.out.splitlines())}
    assert {name for name, one in found.items() if "error" in one} == {"empty", "gone.txt"}
    assert "2 failed. The same command sends just what failed." in first.err
    (corpus / "empty").write_bytes(b"no more")
    again = [json.loads(line) for line in desk.run(*words).out.splitlines()]
    assert [one["filename"] for one in again if "file" in one and "skipped" not in one] == ["empty"]


def test_a_dry_run_sends_nothing(desk: Desk, corpus: Path) -> None:
    done = desk.run("upload", "corpus", "--include", "de/*.txt", "--dry-run", HEAVYLIFT_API_KEY="")
    assert (done.status, done.out.splitlines()) == (0, ["de/a.txt\t72 B", "de/b.txt\t72 B"])


def test_what_is_there_already_is_left_out(desk: Desk, corpus: Path) -> None:
    assert desk.run("upload", "corpus").status == 0
    (corpus / "a.txt").write_bytes(os.urandom(45))
    assert names(desk.run("upload", "corpus", "--skip-existing")) == ["a.txt"]


@pytest.mark.parametrize("end", ["\n", "\0"])
def test_paths_come_from_a_list(desk: Desk, corpus: Path, end: str) -> None:
    listed = end.join(("corpus/a.txt", "./corpus/de/b.txt", str(corpus / "c.log"), ""))
    done = desk.run("upload", "--files-from", "-", given=listed.encode())
    assert (done.status, names(done)) == (0, ["c.log", "corpus/a.txt", "corpus/de/b.txt"])


@pytest.mark.parametrize(
    "words",
    [(), ("corpus", "--filename", "x"), ("corpus", "-"), ("--files-from", "none"), ("a", "--include", "b")],
)
def test_what_does_not_fit_together_is_refused_before_anything_is_sent(
    desk: Desk, corpus: Path, words: tuple[str, ...]
) -> None:
    done = desk.run("upload", *words)
    assert (done.status, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
