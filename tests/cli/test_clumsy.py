"""A clumsy operator is told in one line what was wrong and what to do, and nothing is made or lost."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.told import is_one_line
from tests.cli.typing_in import Desk, Ended
from tests.serving import serving

WITHOUT_CHOWN = ("setpriv", "--bounding-set", "-chown", "--inh-caps", "-all", "--")
"""Root, but not to give files away: as in a container that drops capabilities."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """With an installation in the folder `data`."""
    desk = Desk(folder=tmp_path, variables={"HEAVYLIFT_DATA": "data"})
    assert desk.run("migrate").status == 0
    return desk


@pytest.mark.parametrize(
    ("name", "saying"),
    [("caf\udce9", "printable characters in UTF-8"), ("two\nlines", "one line of printable"),
     ("tab\tbed", "one line of printable"), ("x" * 257, "256 characters at most, and this one 257"),
     (" ", "needs a name")],
    ids=["not UTF-8", "lines", "tab", "long", "blank"],
)  # fmt: skip
def test_a_name_that_no_list_could_show_is_refused(desk: Desk, name: str, saying: str) -> None:
    assert desk.run("projects", "create", "default").status == 0
    assert is_one_line(desk.run("projects", "create", name), status=1, saying=saying)
    assert is_one_line(desk.run("keys", "create", "--name", name), status=1, saying=saying)
    assert desk.run("keys", "list").out == ""
    assert desk.run("projects", "list").out.count("\n") == 1


def test_a_place_that_cannot_be_looked_at_is_a_wrong_setting(desk: Desk) -> None:
    for words in (("keys", "list"), ("sweep",), ("migrate-data", "--to", "new")):
        refused = desk.run(*words, HEAVYLIFT_DATA="y" * 300)
        assert is_one_line(refused, status=2, saying="cannot be used: File name too long")
    assert not (desk.folder / "new").exists()


def test_an_empty_file_is_no_installation(desk: Desk) -> None:
    catalog = desk.folder / "torn" / "catalog.sqlite"
    catalog.parent.mkdir()
    catalog.touch()  # what a copy leaves that was broken off at once
    for words in (("keys", "list"), ("projects", "create", "p"), ("sweep",)):
        refused = desk.run(*words, HEAVYLIFT_DATA="torn")
        assert is_one_line(refused, status=2, saying="There is no installation in ")
    moved = desk.run("migrate-data", "--from", "torn", "--to", "new")
    assert is_one_line(moved, status=2, saying="name it with --from or --from-catalog.")
    assert [path.name for path in catalog.parent.iterdir()] == ["catalog.sqlite"]
    assert catalog.stat().st_size == 0


def test_half_a_catalog_is_told_as_damage_and_left_as_it_is(desk: Desk) -> None:
    catalog = desk.folder / "data" / "catalog.sqlite"
    half = catalog.read_bytes()[:20_000]
    catalog.write_bytes(half)
    for words in (("keys", "list"), ("serve", "--port", "0"), ("migrate",)):
        assert is_one_line(desk.run(*words), status=2, saying="put a backup in its place.")
    assert catalog.read_bytes() == half


@pytest.mark.parametrize("url", ["ftp://store/x", "s3://", "s3:/bucket", "file://host/x", "blobs"])
def test_a_url_that_no_blobs_have_is_refused_before_anything_is_made(desk: Desk, url: str) -> None:
    for words in (("migrate",), ("settings",), ("serve", "--port", "0")):
        refused = desk.run(*words, HEAVYLIFT_DATA="new", HEAVYLIFT_BLOBS=url)
        assert is_one_line(refused, status=2, saying="heavylift: HEAVYLIFT_BLOBS: ")
    (desk.folder / "set.toml").write_text(f'blobs = "{url}"')
    refused = desk.run("migrate", "--config", "set.toml", HEAVYLIFT_DATA="new")
    assert is_one_line(refused, status=2, saying="heavylift: set.toml: blobs: ")
    refused = desk.run("migrate-data", "--to", "new", "--to-blobs", url)
    assert is_one_line(refused, status=2, saying="heavylift: --to-blobs: ")
    assert not (desk.folder / "new").exists()


@pytest.mark.parametrize("words", [("keys", "list"), ("serve", "--port", "0"), ("settings",)], ids=" ".join)
def test_a_working_folder_that_is_gone_is_told(desk: Desk, words: tuple[str, ...]) -> None:
    removed = desk.folder / "removed"
    removed.mkdir()
    program = "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.executable, sys.argv[1:])"
    command = [sys.executable, "-m", "heavylift.cli", *words]
    done = subprocess.run(
        [sys.executable, "-c", program, *command],
        cwd=removed, env=desk.environment, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    ended = Ended(done.returncode, done.stdout, done.stderr)
    assert is_one_line(ended, status=2, saying="setting data=data cannot be used: No such file or directory")


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="NOT TESTED: only root can lose rights"
)
def test_root_that_may_not_give_files_away_is_told_which(desk: Desk) -> None:
    for path in (desk.folder / "data", *(desk.folder / "data").rglob("*")):
        os.chown(path, 65534, 65534)
    sign = desk.folder / "data" / "catalog.sqlite-serving"
    sign.unlink(missing_ok=True)
    done = subprocess.run(
        [*WITHOUT_CHOWN, sys.executable, "-m", "heavylift.cli", "serve", "--port", "0"],
        cwd=desk.folder, env=desk.environment, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    ended = Ended(done.returncode, done.stdout, done.stderr)
    assert is_one_line(ended, status=2, saying="catalog.sqlite-serving. Run this as the user whom")
    assert not sign.exists()  # one of root's would keep the owner's service out


def test_a_start_says_that_all_keys_are_revoked(tmp_path: Path, desk: Desk) -> None:
    with serving(tmp_path / "data", env={"HEAVYLIFT_BOOTSTRAP_KEY": ""}) as served:
        assert served.told("key.beside") == []
    [key] = [line.split("\t")[0] for line in desk.run("keys", "list").out.splitlines()]
    assert desk.run("keys", "revoke", key).status == 0
    with serving(tmp_path / "data", env={"HEAVYLIFT_BOOTSTRAP_KEY": ""}) as served:
        pass
    assert any("All keys of this installation are revoked." in line for line in served.lines)
