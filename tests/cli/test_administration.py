"""The commands on the server's machine are those that the pages list, and all but one answer in JSON."""

import json
import re
import subprocess
import sys

import pytest

from tests.cli.typing_in import Desk, Terminal
from tests.house.project import ROOT


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """With nothing on it."""
    return Desk(folder=tmp_path_factory.mktemp("desk"), variables={"HEAVYLIFT_DATA": "data"})


def test_every_command_of_the_table_answers_in_json(desk: Desk) -> None:
    def ask(*words: str) -> object:
        ended = desk.run(*words, "--json")
        assert ended.status == 0, ended.err
        return json.loads(ended.out)

    asked = {
        "migrate": ask("migrate"),
        "settings": ask("settings"),
        "projects create": ask("projects", "create", "research"),
        "projects list": ask("projects", "list"),
        "keys create": ask("keys", "create", "--project", "research", "--name", "laptop"),
        "keys list": ask("keys", "list"),
        "keys revoke": ask("keys", "revoke", "laptop"),
        "sweep": ask("sweep"),
        "migrate-data": ask("migrate-data", "--from", "data", "--to", "other"),
    }
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `heavylift ([a-z -]+)` \|", page, re.MULTILINE))
    assert listed == {*asked, "serve"}
    for found in asked.values():
        assert found


@pytest.mark.parametrize("words", [("migrate",), ("serve", "--port", "0")], ids=" ".join)
def test_a_disk_that_is_full_before_the_catalog_stands_is_no_bug(desk: Desk, words: tuple[str, ...]) -> None:
    """It has room for the file, not for all of the tables."""
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 48; exec "$@"', "bash", sys.executable, "-m", "heavylift.cli", *words],
        cwd=desk.folder, env=desk.environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        f"heavylift: The catalog {desk.folder}/data/catalog.sqlite cannot be opened: "
    )
    assert desk.run("migrate").out.startswith("migrated an empty catalog")


def made_ready(desk: Desk) -> None:
    """An installation with the usual project."""
    assert desk.run("migrate").status == 0
    assert desk.run("projects", "create", "default").status == 0


def test_the_list_of_keys_fits_a_screen(desk: Desk) -> None:
    made_ready(desk)
    for name in ("laptop", "a-name-that-is-too-long-for-a-line-of-the-screen"):
        assert desk.run("keys", "create", "--name", name).status == 0
    assert desk.run("keys", "revoke", "laptop").status == 0
    with Terminal(desk, ("keys", "list"), columns=80) as terminal:
        assert terminal.end() == 0
    head, *lines = terminal.plain.splitlines()
    assert max(map(len, (head, *lines))) <= 80
    ids = {key["id"] for key in json.loads(desk.run("keys", "list", "--json").out)}
    assert {line.split()[0] for line in lines} == ids
    assert sorted(line.split()[-1] for line in lines) == ["now", "revoked"]


def test_several_keys_are_revoked_and_an_unknown_one_keeps_no_other(desk: Desk) -> None:
    made_ready(desk)
    for name in ("one", "two"):
        assert desk.run("keys", "create", "--name", name).status == 0
    done = desk.run("keys", "revoke", "one", "nobody", "two", "--json")
    assert done.status == 1
    assert [json.loads(line)["revoked"] for line in done.out.splitlines()] == [True, True]
    assert "nobody" in json.loads(done.err)["error"]["message"]
    assert desk.run("keys", "revoke", "one").status != 0
