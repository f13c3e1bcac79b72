"""An installation is made on purpose, lies where it was told to, and is its owner's alone."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from heavylift.service.ports import StorageDown
from heavylift.settings import Settings
from heavylift.stores import make_keys, migrate, open_to_serve
from tests.cli.told import places
from tests.cli.typing_in import Desk, Ended, Terminal
from tests.serving import serving

NAMES = [
    "%41", "a#b", "a?b=c", "a b", "ü", "x%", "a+b&c", "~x", "semi;colon", "new\nline", "\udcff", "a%2fb",
]  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """With nothing on it."""
    return Desk(folder=tmp_path, variables={})


def rights(folder: Path) -> dict[str, str]:
    """What is open to more than its owner, below a folder and with it."""
    there = [folder, *folder.rglob("*")]
    modes = {str(path.relative_to(folder.parent)): stat.S_IMODE(path.lstat().st_mode) for path in there}
    return {name: oct(mode) for name, mode in modes.items() if mode & 0o077}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_everything_lies_in_a_folder_of_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEAVYLIFT_DATA", f"./{name}")
    async with open_to_serve(Settings()) as stores:
        await stores.catalog.ping()
        await stores.blobs.ping()
    assert places(tmp_path) == [name]
    assert {"blobs", "catalog.sqlite"} <= set(places(tmp_path / name))


def test_the_command_line_bears_a_folder_of_any_name(desk: Desk) -> None:
    name = "".join(NAMES)
    for words in (("migrate",), ("sweep",), ("settings",)):
        ended = desk.run(*words, HEAVYLIFT_DATA=name)
        assert ended.status == 0, ended.err
    assert places(desk.folder) == [name]


def test_a_tilde_is_the_home_and_a_link_is_followed(desk: Desk) -> None:
    (desk.folder / "real").mkdir()
    (desk.folder / "link").symlink_to("real")
    assert desk.run("migrate", HEAVYLIFT_DATA="~/link", HOME=str(desk.folder)).status == 0
    assert places(desk.folder) == ["link", "real"]
    assert "catalog.sqlite" in places(desk.folder / "real")
    assert desk.run("migrate", "--data", "~/other", HOME=str(desk.folder)).status == 0
    assert places(desk.folder) == ["link", "other", "real"]


@pytest.mark.parametrize("words", [(), ("--data", "")], ids=["variable", "option"])
def test_an_empty_folder_is_none_and_leaves_the_default(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.run("migrate", *words, HEAVYLIFT_DATA="", HEAVYLIFT_HOST="", HEAVYLIFT_PORT="").status == 0
    assert places(desk.folder) == ["heavylift-data"]


def test_a_folder_that_is_there_may_be_open_but_nothing_in_it_is(desk: Desk) -> None:
    folder = desk.folder / "data"
    folder.mkdir(mode=0o755)
    before = os.umask(0o000)
    try:
        for words in (("migrate",), ("projects", "create", "p"), ("sweep",)):
            assert desk.run(*words, HEAVYLIFT_DATA=str(folder)).status == 0
        assert desk.run("migrate", HEAVYLIFT_DATA=str(desk.folder / "some" / "new")).status == 0
        started(desk, HEAVYLIFT_DATA="served/data")
    finally:
        os.umask(before)
    assert set(rights(folder)) == {"data"}
    assert rights(desk.folder / "some") == {}
    assert set(rights(desk.folder / "served")) <= {
        "served",
        "served/data",
        "served/data/catalog.sqlite",
    }  # ours


@pytest.mark.parametrize(
    "words",
    [("keys", "list"), ("keys", "create"), ("projects", "list"), ("sweep",),
     ("migrate-data", "--from", "nowhere", "--to", "new")],
    ids=" ".join,
)  # fmt: skip
def test_a_command_makes_no_installation_by_accident(desk: Desk, words: tuple[str, ...]) -> None:
    (desk.folder / "empty").mkdir()
    ended = desk.run(*words, HEAVYLIFT_DATA="empty" if "list" in words else "missing")
    assert ended.status == 2, ended
    assert "There is no installation in " in ended.err
    option = "--from or --from-catalog" if "--from" in words else "--data or HEAVYLIFT_DATA"
    assert f"name it with {option}." in ended.err
    assert len(ended.err.splitlines()) == 1
    assert places(desk.folder / "empty") == []
    assert places(desk.folder) == ["empty"]


def test_nothing_is_moved_under_a_running_service(desk: Desk) -> None:
    assert desk.run("migrate", HEAVYLIFT_DATA="other").status == 0
    with serving(desk.folder / "live") as served:
        for one, two in (("live", "new"), ("other", "live")):
            refused = desk.run("migrate-data", "--from", one, "--to", two)
            assert refused.status == 2
            assert "is served by a running service" in refused.err
        served.kill()
        moved = desk.run("migrate-data", "--from", "live", "--to", "new")  # the dead hold nothing
        assert moved.status == 0, moved.err


def started(desk: Desk, **variables: str) -> Ended:
    """A start on a free port, in a pipe, and a stop as soon as it serves."""
    with subprocess.Popen(
        [sys.executable, "-m", "heavylift.cli", "serve", "--port", "0"],
        cwd=desk.folder, env={**desk.environment, **variables},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "serves http" in line:
                break
        process.terminate()
        _, errors = process.communicate(timeout=90)
        return Ended(process.returncode, said, errors)


def test_the_first_key_is_shown_on_a_terminal_and_else_where_it_lies(desk: Desk) -> None:
    ended = started(desk, HEAVYLIFT_DATA="piped")
    secret = (desk.folder / "piped" / "api-key").read_text().strip()
    assert secret.startswith("hl-")
    assert secret not in ended.out + ended.err
    assert "piped/api-key" in ended.out
    with Terminal(desk, ("serve", "--port", "0", "--data", "typed")) as terminal:
        terminal.until("serves http")
        terminal.press_ctrl_c()
        terminal.end()
    secret = (desk.folder / "typed" / "api-key").read_text().strip()
    assert secret in "".join(terminal.seen.split())


def test_an_old_key_file_is_replaced_and_never_written_into(desk: Desk) -> None:
    data, outside = desk.folder / "data", desk.folder / "outside"
    data.mkdir()
    outside.write_text("not ours")
    (data / "api-key").symlink_to(outside)
    started(desk, HEAVYLIFT_DATA=str(data))
    key = data / "api-key"
    assert outside.read_text() == "not ours"
    assert not key.is_symlink()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text().startswith("hl-")
    assert [name for name in places(data) if name.startswith("api-key")] == ["api-key"]


def test_a_key_that_cannot_be_kept_is_none_and_the_next_start_makes_one(desk: Desk) -> None:
    data = desk.folder / "data"
    (data / "api-key").mkdir(parents=True)  # nothing can take its place
    for _ in range(2):
        refused = started(desk, HEAVYLIFT_DATA=str(data))
        assert refused.status == 2, refused
        assert "setting data=" in refused.err
        assert "api-key" in refused.err
    with closing(sqlite3.connect(data / "catalog.sqlite")) as catalog:
        assert catalog.execute("SELECT count(*) FROM api_keys").fetchone() == (0,)
    (data / "api-key").rmdir()
    started(desk, HEAVYLIFT_DATA=str(data))
    with closing(sqlite3.connect(data / "catalog.sqlite")) as catalog:
        assert catalog.execute("SELECT count(*) FROM api_keys").fetchone() == (1,)
    assert (data / "api-key").read_text().startswith("hl-")


def test_a_chosen_key_that_comes_beside_others_or_was_revoked_is_told(desk: Desk) -> None:
    first = started(desk, HEAVYLIFT_BOOTSTRAP_KEY="chosen-by-the-operator")
    assert "BOOTSTRAP" not in first.err
    again = started(desk, HEAVYLIFT_BOOTSTRAP_KEY="chosen-by-the-operator")
    assert "BOOTSTRAP" not in again.err
    other = started(desk, HEAVYLIFT_BOOTSTRAP_KEY="another-of-the-operator")
    assert "was added to an installation that has keys: 1 before it" in other.err
    ids = [line.split("\t")[0] for line in desk.run("keys", "list").out.splitlines()]
    for key in ids:
        assert desk.run("keys", "revoke", key).status == 0
    revoked = started(desk, HEAVYLIFT_BOOTSTRAP_KEY="another-of-the-operator")
    assert "is a key that was revoked" in revoked.err


@pytest.mark.parametrize("how", ["unlinked", "replaced"])
async def test_a_catalog_that_is_taken_away_takes_nothing_more(tmp_path: Path, how: str) -> None:
    settings = Settings(data=tmp_path / "data")
    async with open_to_serve(settings) as stores:
        keys = make_keys(stores)
        await keys.add_project("before")
        (tmp_path / "data" / "catalog.sqlite").unlink()
        if how == "replaced":
            migrate(settings)
        for asked in (keys.add_project("after"), keys.projects(), stores.catalog.ping()):
            with pytest.raises(StorageDown, match="removed or replaced under the running service"):
                await asked


def test_lists_in_a_pipe_are_parted_by_tabs_and_a_key_ends_by_its_name(desk: Desk) -> None:
    assert desk.run("migrate").status == 0
    project = desk.run("projects", "create", "a project with a name").out.strip()
    for name in ("laptop", "twin", "twin"):
        assert desk.run("keys", "create", "--project", project, "--name", name).status == 0
    assert desk.run("projects", "list", COLUMNS="20").out == f"{project}\ta project with a name\n"
    rows = [line.split("\t") for line in desk.run("keys", "list", COLUMNS="20").out.splitlines()]
    assert [(row[1], row[3], row[5]) for row in rows] == [
        (name, project, "") for name in ("laptop", "twin", "twin")
    ]
    settings = dict(line.split("\t")[:2] for line in desk.run("settings", COLUMNS="20").out.splitlines())
    assert settings["port"] == "8321"
    assert desk.run("keys", "revoke", "laptop").out == f"revoked {rows[0][0]}\n"
    twins = desk.run("keys", "revoke", "twin")
    assert twins.status == 1
    assert all(row[0] in twins.err for row in rows[1:])
    assert desk.run("keys", "revoke", "laptop").status == 1
    with Terminal(desk, ("keys", "list")) as terminal:
        assert terminal.end() == 0
    assert all(row[0] in terminal.seen for row in rows)


def test_a_place_that_is_no_folder_is_told_as_that(desk: Desk) -> None:
    (desk.folder / "file").touch()
    (desk.folder / "nowhere").symlink_to("missing/folder")
    for name in ("file", "nowhere"):
        ended = desk.run("migrate", "--data", name)
        assert ended.status == 2
        assert f"setting data={name} cannot be used: Not a directory" in ended.err
        assert "--data, or HEAVYLIFT_DATA" in ended.err
    assert desk.run("migrate", "--data", "old").status == 0
    ended = desk.run("migrate-data", "--from", "old", "--to", "file")
    assert (ended.status, "of migrate-data it is --to" in ended.err) == (2, True)


def test_a_folder_where_the_key_should_be_is_named(desk: Desk) -> None:
    (desk.folder / "data" / "api-key").mkdir(parents=True)
    ended = desk.run("serve", "--data", "data", "--port", "0")
    assert (ended.status, ended.out) == (2, "")
    assert "setting data=data cannot be used: Is a directory at data/api-key. " in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_catalog_is_not_moved_into_itself_by_another_name(desk: Desk) -> None:
    assert desk.run("migrate", "--data", "old").status == 0
    (desk.folder / "link").symlink_to("old")
    for other in ("old/../old", "link"):
        ended = desk.run("migrate-data", "--from", "old", "--to", other)
        assert ended.status == 2
        assert "the old and the new catalog are the same" in ended.err


def test_a_url_that_no_catalog_has_is_told_with_what_says_it(desk: Desk) -> None:
    assert desk.run("migrate", "--data", "old").status == 0
    (desk.folder / "set.toml").write_text('catalog = "nonsense"')
    move = ("migrate-data", "--from", "old", "--to", "new")
    for words, catalog, said in (
        (("keys", "list"), "mysql://u:geheim@x", "HEAVYLIFT_CATALOG: A catalog cannot live at mysql://. "),
        (("serve", "--port", "0"), "postgresql://u:ge@heim@x", "HEAVYLIFT_CATALOG: The catalog's URL cannot"),
        (
            ("settings", "--config", "set.toml"),
            "",
            "set.toml: catalog: A catalog cannot live at what is no URL",
        ),
        ((*move, "--from-catalog", "sqlite://a/b"), "", "--from-catalog: A SQLite URL names no host"),
        ((*move, "--to-catalog", "sqlite:///a?b"), "", "--to-catalog: In the path of a SQLite URL"),
    ):
        ended = desk.run(*words, HEAVYLIFT_CATALOG=catalog)
        assert (ended.status, ended.out) == (2, "")
        assert ended.err.startswith(f"heavylift: {said}")
        assert "heim" not in ended.err
    assert places(desk.folder) == ["old", "set.toml"]


def test_a_chosen_key_that_cannot_be_is_refused_before_anything_is_made(desk: Desk) -> None:
    ended = desk.run("serve", "--port", "0", HEAVYLIFT_BOOTSTRAP_KEY="short")
    assert ended.status == 2
    assert "HEAVYLIFT_BOOTSTRAP_KEY=***" in ended.err
    assert places(desk.folder) == []


def test_a_catalog_in_the_working_folder_is_missed_by_that_folders_name(desk: Desk) -> None:
    ended = desk.run("keys", "list", HEAVYLIFT_CATALOG="sqlite:///facts.sqlite")
    assert ended.status == 2
    assert f"There is no installation in {desk.folder}; " in ended.err
