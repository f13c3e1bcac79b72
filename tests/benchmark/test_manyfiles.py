"""The benchmark of many small files: all come back as they were, and its table says what was measured."""

from pathlib import Path

import pytest
from bench.manyfiles import CANDIDATES, compare, make_files, measure, show


def test_files_go_up_and_come_back_in_a_process_of_the_candidate(tmp_path: Path) -> None:
    make_files(tmp_path / "source", 3, 100)
    [sdk] = [name for name in CANDIDATES if "upload_files" in name]
    told = measure(sdk, tmp_path / "source", tmp_path / "run", relaxed=True)
    assert {what: set(found) for what, found in told.items()} == {
        "up": {"seconds", "cpu"}, "down": {"seconds", "cpu"},
    }  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_what_came_back_as_something_else_is_noticed(tmp_path: Path) -> None:
    for name in ("source", "target"):
        make_files(tmp_path / name, 2, 100)
    compare(tmp_path / "source", tmp_path / "target")
    (tmp_path / "target" / "000001.bin").write_bytes(b"other")
    with pytest.raises(ValueError, match="came back as another file"):
        compare(tmp_path / "source", tmp_path / "target")


def test_the_table_has_medians_and_ratios_to_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    slow = {"up": {"seconds": 4.0, "cpu": 1.0}, "down": {"seconds": 2.0, "cpu": 1.0}}
    fast = {"up": {"seconds": 1.0, "cpu": 0.5}, "down": {"seconds": 4.0, "cpu": 0.5}}
    show({"loop": [slow, slow], "ours": [fast, slow, fast]}, 100)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == [
        "| loop | 4.0 | 25 | 1.0 | 10.00 | 2.0 | 50 | 1.0 | 10.00 |",
        "| ours | 1.0 | 100 | 4.0 | 5.00 | 4.0 | 25 | 0.5 | 5.00 |",
    ]
