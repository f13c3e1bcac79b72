"""The journal of unfinished transfers: what is read back, who holds it, how long it is kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from heavylift.client.journal import KEPT_SECONDS, PieceDone, Record, names_about, open_record, prune


class Head(BaseModel):
    """What a record of these tests is about."""

    upload_id: str


HEAD = Head(upload_id="upload_1")
PIECES = [PieceDone(offset=n, length=1, checksum=n, part_id=f"part_{n}") for n in range(3)]


def opened(folder: Path) -> Record:
    record = open_record(folder, "one.jsonl")
    assert record is not None
    return record


def written(folder: Path) -> Path:
    record = opened(folder)
    record.begin(HEAD)
    for piece in PIECES:
        record.add(piece)
    record.close()
    return folder / "one.jsonl"


def read(folder: Path) -> tuple[Head, list[PieceDone]] | None:
    record = opened(folder)
    try:
        return record.read(Head)
    finally:
        record.close()


def test_what_was_written_is_read_back(tmp_path: Path):
    written(tmp_path)
    assert read(tmp_path) == (HEAD, PIECES)


def test_a_new_record_has_nothing_in_it_and_leaves_nothing(tmp_path: Path):
    assert read(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_what_is_forgotten_is_gone(tmp_path: Path):
    written(tmp_path)
    record = opened(tmp_path)
    record.forget()
    record.close()
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_gets_a_record_that_is_held_not_even_another_process(tmp_path: Path):
    record = opened(tmp_path)
    code = (
        "import sys; from pathlib import Path; from heavylift.client.journal import open_record;"
        "print(open_record(Path(sys.argv[1]), 'one.jsonl'))"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.check_output(words, text=True, stderr=subprocess.DEVNULL).strip() == "None"
    record.close()
    assert "Record" in subprocess.check_output(words, text=True)


@settings(deadline=None)
@given(cut=st.integers(0, 400))
def test_a_record_that_was_cut_anywhere_gives_whole_lines_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, cut: int
):
    folder = tmp_path_factory.mktemp("journal")
    path = written(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    found = read(folder)
    if found is not None:
        lines = whole[:cut].count(b"\n")
        assert found == (HEAD, PIECES[: max(lines - 1, 0)])


@settings(deadline=None)
@given(junk=st.binary(min_size=1, max_size=200))
def test_no_junk_however_odd_breaks_anything(tmp_path_factory: pytest.TempPathFactory, junk: bytes):
    folder = tmp_path_factory.mktemp("journal")
    (folder / "one.jsonl").write_bytes(junk)
    assert read(folder) is None
    assert names_about(folder, {"upload_id": "upload_1"}) == []


def test_a_record_is_found_by_what_it_is_about(tmp_path: Path):
    written(tmp_path)
    assert names_about(tmp_path, {"upload_id": "upload_1"}) == ["one.jsonl"]
    assert names_about(tmp_path, {"upload_id": "upload_2"}) == []
    assert names_about(tmp_path / "missing", {"upload_id": "upload_1"}) == []


@pytest.mark.parametrize(("age", "stays"), [(KEPT_SECONDS - 60, True), (KEPT_SECONDS + 60, False)])
def test_a_record_is_kept_for_a_month(tmp_path: Path, age: float, *, stays: bool):
    path = written(tmp_path)
    os.utime(path, (1_790_000_000 - age, 1_790_000_000 - age))
    prune(tmp_path, now=1_790_000_000)
    assert path.exists() is stays
