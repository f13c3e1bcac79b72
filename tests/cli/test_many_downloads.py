"""`heavylift download` of several Files and of a purpose, against the real service."""

import json
from pathlib import Path

import pytest

from tests.cli.typing_in import Desk, Terminal


@pytest.fixture
def ids(desk: Desk) -> list[str]:
    """a.jsonl and de/b.jsonl, alone on the server with this purpose."""
    old = [one["id"] for one in json.loads(desk.run("ls", "--purpose", "evals", "--json").out)]
    assert not old or desk.run("rm", *old).status == 0
    made = []
    for name in ("a.jsonl", "de/b.jsonl"):
        sent = desk.run(
            "upload", "-", "--filename", name, "--purpose", "evals", "--json", given=name.encode()
        )
        made.append(str(json.loads(sent.out)["file"]["id"]))
    return made


def there(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.jsonl")}


CONTENTS = {"a.jsonl": b"a.jsonl", "de/b.jsonl": b"de/b.jsonl"}


def test_several_ids_and_names_go_into_a_folder_and_the_same_command_goes_on(
    desk: Desk, ids: list[str]
) -> None:
    words = ("download", ids[0], "de/b.jsonl", "--to", "copies")
    first = desk.run(*words)
    assert first.status == 0, first.err
    assert sorted(first.out.splitlines()) == ["copies/a.jsonl\t7 B", "copies/de/b.jsonl\t10 B"]
    assert there(desk.folder / "copies") == CONTENTS
    (desk.folder / "copies" / "a.jsonl").unlink()
    again = desk.run(*words)
    assert again.out == "copies/a.jsonl\t7 B\n"
    assert "copies/de/b.jsonl: left out: it is here already." in again.err
    assert "1 fetched (7 B), 1 left out, 0 failed" in again.err


def test_a_purpose_is_fetched_whole_with_one_bar(desk: Desk, ids: list[str]) -> None:
    with Terminal(desk, ("download", "--purpose", "evals", "--to", "all")) as terminal:
        assert terminal.end() == 0
    assert "of 2 files" in terminal.seen
    assert there(desk.folder / "all") == CONTENTS


def test_what_fails_is_told_and_keeps_no_other(desk: Desk, ids: list[str]) -> None:
    (desk.folder / "to").mkdir()
    (desk.folder / "to" / "a.jsonl").write_bytes(b"mine")
    words = ("download", *ids, "file-" + "0" * 22, "--to", "to")
    done = desk.run(*words, "--json")
    assert done.status in {1, 3}
    failures = [json.loads(line)["error"] for line in done.err.splitlines() if line.startswith("{")]
    assert {failure["exit_code"] for failure in failures} == {1, 3}
    assert any("--force replaces it" in failure["message"] for failure in failures)
    told = [json.loads(line) for line in done.out.splitlines()]
    assert {one["filename"] for one in told if "error" not in one} == {"de/b.jsonl"}
    assert there(desk.folder / "to") == {**CONTENTS, "a.jsonl": b"mine"}
    assert desk.run(*words, "--force").status == 3
    assert there(desk.folder / "to") == CONTENTS


@pytest.mark.parametrize(
    "words", [(), ("a", "b", "--to", "-"), ("a", "--purpose", "evals"), ("--purpose", "evals", "--to", "-")]
)
def test_what_does_not_fit_together_is_refused(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.run("download", *words).status == 2
