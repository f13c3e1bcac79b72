"""What the shell completes: purposes, ids and names, as bash asks for them; no word of failures."""

import json
import shlex

import pytest

from tests.cli.typing_in import Desk, Ended


def completed(desk: Desk, line: str, **variables: str) -> Ended:
    """What is offered after this line, in bash. A space at its end begins a new word."""
    number = len(shlex.split(line)) - (not line.endswith(" "))
    asked = {"_HEAVYLIFT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(number)}
    return desk.run(**asked, **variables)


@pytest.fixture
def file_id(desk: Desk) -> str:
    return str(json.loads(desk.run("upload", "big.jsonl", "--json").out)["file"]["id"])


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("heavylift upload big.jsonl --purpose f", ["fine-tune"]),
        ("heavylift files delete --purpose b", ["batch"]),
        ("heavylift files sh", ["show"]),
        ("heavylift upload big", []),  # the shell's own: paths
    ],
)
def test_words_that_need_no_server(desk: Desk, line: str, offered: list[str]) -> None:
    assert completed(desk, line).out.split() == offered


@pytest.mark.parametrize("words", ["files show", "files delete", "download", "rm", "cat"])
def test_ids_and_names_of_files(desk: Desk, file_id: str, words: str) -> None:
    assert file_id in completed(desk, f"heavylift {words} ").out.split()
    assert file_id in completed(desk, f"heavylift {words} {file_id[:20]}").out.split()
    assert "big.jsonl" in completed(desk, f"heavylift {words} bi").out.split()


def test_ids_of_uploads(desk: Desk, file_id: str) -> None:
    found = json.loads(desk.run("uploads", "list", "--json").out)
    offered = completed(desk, "heavylift uploads show ").out.split()
    assert {one["id"] for one in found} <= set(offered)


def test_the_server_that_the_line_names_is_asked(desk: Desk, file_id: str) -> None:
    url, key = desk.variables["HEAVYLIFT_BASE_URL"], desk.variables["HEAVYLIFT_API_KEY"]
    nobody = {"HEAVYLIFT_BASE_URL": "http://127.0.0.1:1/v1"}
    for line in (
        f"heavylift --base-url {url} --api-key {key} cat ",
        f"heavylift cat --base-url {url} --api-key {key} ",
    ):
        assert file_id in completed(desk, line, **nobody).out.split()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "nonsense", ""])
def test_what_goes_wrong_is_not_told_while_one_types(desk: Desk, url: str) -> None:
    done = completed(desk, "heavylift cat ", HEAVYLIFT_BASE_URL=url, HEAVYLIFT_API_KEY="")
    assert (done.out.strip(), done.err) == ("", "")
