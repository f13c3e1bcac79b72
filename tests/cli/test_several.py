"""Several Files on one command line, by id or by name; Files that go by a rule, after a question."""

import json

import pytest

from tests.cli.typing_in import Desk, Terminal
from tests.support.stand_in import StandIn, keep


@pytest.fixture
def ids(desk: Desk) -> list[str]:
    """Three Files: one.jsonl, two.jsonl, two.jsonl."""
    everything = [one["id"] for one in json.loads(desk.run("files", "list", "--json").out)]
    if everything:
        assert desk.run("rm", *everything).status == 0
    made = []
    for name, content in (("one", b"1"), ("two", b"2"), ("two", b"3")):
        done = desk.run(
            "upload", "-", "--filename", f"{name}.jsonl", "--purpose", "batch", "--json", given=content
        )
        made.append(str(json.loads(done.out)["file"]["id"]))
    return made


def left(desk: Desk) -> set[str]:
    return {one["id"] for one in json.loads(desk.run("files", "list", "--json").out)}


def test_one_that_fails_keeps_no_other(desk: Desk, ids: list[str]) -> None:
    shown = desk.run("files", "show", ids[0], "nothing", ids[1], "--json")
    assert shown.status == 3
    assert [json.loads(line)["id"] for line in shown.out.splitlines()] == ids[:2]
    assert "nothing: " in json.loads(shown.err)["error"]["message"]
    assert desk.run("files", "delete", ids[0], "nothing", ids[1]).status == 3
    assert left(desk) == {ids[2]}


def test_a_refused_key_is_told_once(desk: Desk, ids: list[str]) -> None:
    done = desk.run("files", "show", *ids, HEAVYLIFT_API_KEY="sk-wrong")
    assert done.status == 4
    assert len(done.err.splitlines()) == 1


def test_a_name_that_one_file_has_is_as_good_as_its_id(desk: Desk, ids: list[str]) -> None:
    assert json.loads(desk.run("files", "show", "one.jsonl", "--json").out)["id"] == ids[0]
    assert desk.run("cat", "one.jsonl", ids[1], ids[2]).out == "123"
    assert desk.run("download", "one.jsonl", "--to", "copy").status == 0
    assert (desk.folder / "copy").read_bytes() == b"1"
    assert desk.run("rm", "one.jsonl").status == 0
    assert left(desk) == set(ids[1:])


def test_a_name_that_two_files_have_is_refused_with_their_ids(desk: Desk, ids: list[str]) -> None:
    for words in (("files", "show"), ("rm",), ("cat",), ("download",)):
        done = desk.run(*words, "two.jsonl")
        assert (done.status, done.out) == (2, ""), words
        [line] = done.err.splitlines()
        assert ids[1] in line
        assert ids[2] in line
    assert left(desk) == set(ids)


def test_an_id_of_another_server_is_no_name(plain_desk: Desk, stand_in: StandIn) -> None:
    keep(stand_in, "file-2", "batch", b"x")
    assert json.loads(plain_desk.run("files", "show", "file-1", "--json").out)["filename"] == "file-2"
    assert json.loads(plain_desk.run("files", "show", "file-2", "--json").out)["id"] == "file-1"


def test_a_name_of_two_files_keeps_no_other_from_being_fetched(plain_desk: Desk, stand_in: StandIn) -> None:
    for name in ("two.jsonl", "two.jsonl", "one.jsonl"):
        keep(stand_in, name, "batch", b"x")
    done = plain_desk.run("download", "two.jsonl", "one.jsonl", "missing", "--to", "copies")
    assert (done.status, (plain_desk.folder / "copies" / "one.jsonl").read_bytes()) == (2, b"x")
    assert "two.jsonl: 2 Files have the name" in done.err
    done = plain_desk.run("rm", "two.jsonl", "one.jsonl", "--dry-run")
    assert (done.status, done.out.split("\t")[:2]) == (2, ["file-3", "one.jsonl"])
    assert len(stand_in.files) == 3


def test_json_has_what_the_server_sent_and_makes_nothing_up(plain_desk: Desk, stand_in: StandIn) -> None:
    stand_in.files["file-1"] = ({"id": "file-1", "filename": "x", "status": None, "more": 1}, b"x")
    done = plain_desk.run("files", "show", "file-1", "--json")
    assert json.loads(done.out) == {"id": "file-1", "filename": "x", "more": 1}
    assert "1970" not in plain_desk.run("files", "show", "file-1").out


def test_a_rule_needs_a_word_of_consent(desk: Desk, ids: list[str]) -> None:
    done = desk.run("files", "delete", "--purpose", "batch")
    assert done.status == 2
    assert "--yes" in done.err
    shown = desk.run("files", "delete", "--purpose", "batch", "--dry-run")
    assert {line.split("\t")[0] for line in shown.out.splitlines()} == set(ids)
    for answer in ("n", ""):
        with Terminal(desk, ("rm", "--purpose", "batch")) as terminal:
            terminal.until("[y/N]")
            terminal.enter(f"{answer}\n")
            assert terminal.end() == 0
        assert "nothing was deleted" in terminal.seen
    assert left(desk) == set(ids)
    with Terminal(desk, ("rm", "--purpose", "batch")) as terminal:
        terminal.until("Delete 3 Files, 3 B for good?")
        terminal.enter("y\n")
        assert terminal.end() == 0
    assert left(desk) == set()


@pytest.mark.parametrize(
    ("rule", "gone"),
    [
        (("--purpose", "fine-tune"), set()),
        (("--older-than", "1d"), set()),
        (("--older-than", "0"), {0, 1, 2}),
        (("--purpose", "batch", "--older-than", "1h"), set()),
    ],
)
def test_a_rule_means_what_it_says(desk: Desk, ids: list[str], rule: tuple[str, ...], gone: set[int]) -> None:
    done = desk.run("rm", *rule, "--yes")
    assert done.status == 0
    assert left(desk) == set(ids) - {ids[number] for number in gone}


def test_files_of_a_server_that_does_not_filter_or_tells_no_age_stay(
    plain_desk: Desk, stand_in: StandIn
) -> None:
    keep(stand_in, "kept.jsonl", "fine-tune", b"x")
    keep(stand_in, "old.jsonl", "batch", b"x")
    for shown, _ in stand_in.files.values():
        del shown["created_at"]
    assert plain_desk.run("rm", "--older-than", "1h", "--yes").status == 0
    assert set(stand_in.files) == {"file-1", "file-2"}
    assert plain_desk.run("rm", "--purpose", "batch", "--yes").status == 0
    assert set(stand_in.files) == {"file-1"}


@pytest.mark.parametrize("words", [(), ("file-1", "--purpose", "batch"), ("--older-than", "soon")])
def test_what_does_not_fit_together_is_refused(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.run("files", "delete", *words).status == 2


def test_several_uploads_are_shown_and_cancelled(desk: Desk) -> None:
    about = (
        "--bytes",
        "1",
        "--filename",
        "x.jsonl",
        "--purpose",
        "batch",
        "--mime-type",
        "application/jsonl",
    )
    made = [json.loads(desk.run("uploads", "create", *about, "--json").out)["id"] for _ in range(2)]
    shown = desk.run("uploads", "show", *made, "--json").out.splitlines()
    assert [json.loads(line)["id"] for line in shown] == made
    gone = desk.run("uploads", "cancel", made[0], "upload_nothing", made[1], "--json")
    assert gone.status == 3
    assert [json.loads(line)["status"] for line in gone.out.splitlines()] == ["cancelled"] * 2
