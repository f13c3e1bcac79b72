"""Stores that are mixed up, misspelt or full are told in one line, and nothing is made or lost."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from heavylift.catalog import UnfitCatalog, check_url
from tests.cli.told import everything, is_one_line, places
from tests.cli.typing_in import Desk
from tests.disks import fill, mounted
from tests.e2e.wire import add_file, content_of, eventually, speaking
from tests.serving import empty_catalog, serving

MIB = 1024 * 1024
START = ("serve", "--port", "0")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """With an installation in the folder `old`, which has never been served."""
    made_in(tmp_path / "old")
    return Desk(folder=tmp_path, variables={})


def made_in(folder: Path) -> None:
    (folder / "blobs").mkdir(parents=True)
    (folder / "catalog.sqlite").write_bytes(empty_catalog())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", size=24 * MIB) as folder:
        yield folder


def test_nothing_is_moved_into_what_it_comes_from(desk: Desk) -> None:
    (desk.folder / "link").symlink_to("old")
    before = everything(desk.folder)
    for to in (("--to", "link/blobs"), ("--to-catalog", "sqlite:///x", "--to-blobs", "FILE:old/blobs/00")):
        refused = desk.run("migrate-data", "--from", "old", *to)
        assert is_one_line(refused, status=2, saying="would lie in one another")
        assert everything(desk.folder) == before


@pytest.mark.parametrize("words", [START, ("migrate",)], ids=" ".join)
def test_an_installation_is_not_made_among_the_blobs_of_another(desk: Desk, words: tuple[str, ...]) -> None:
    (desk.folder / "old" / "blobs" / "heavylift-installation").write_text("0" * 32)  # as a start leaves it
    before = everything(desk.folder)
    refused = desk.run(*words, "--data", "old/blobs/deep")
    assert is_one_line(refused, status=2, saying="among the blobs of another installation")
    assert everything(desk.folder) == before


def test_a_start_on_blobs_that_have_lost_their_catalog_makes_none(desk: Desk) -> None:
    with serving(desk.folder / "old") as served, speaking(served.url, served.key) as api:
        file = add_file(api, b"here")["id"]
    away = desk.folder / "away"
    away.mkdir()
    for path in (desk.folder / "old").glob("catalog.sqlite*"):
        path.rename(away / path.name)
    mark = desk.folder / "old" / "blobs" / "heavylift-installation"
    name = mark.read_text()
    for marked, folder in ((True, "old"), (False, "new")):
        if not marked:
            mark.unlink()
        before = everything(desk.folder)
        refused = desk.run(*START, "--data", folder, HEAVYLIFT_BLOBS="file:old/blobs")
        saying = f"{folder}/catalog.sqlite, which would be their catalog, is not there."
        assert is_one_line(refused, status=2, saying=saying)
        assert everything(desk.folder) == before
    mark.write_text(name)
    for path in away.iterdir():
        path.rename(desk.folder / "old" / path.name)
    with serving(desk.folder / "old") as served, speaking(served.url, served.key) as api:
        assert content_of(api, file) == b"here"


def test_a_new_catalog_for_blobs_whose_own_is_lost_for_good_is_made_by_hand(desk: Desk) -> None:
    (desk.folder / "old" / "catalog.sqlite").unlink()
    (desk.folder / "old" / "blobs" / "heavylift-installation").write_text("0" * 32)
    refused = desk.run(*START, "--data", "old")
    assert is_one_line(refused, status=2, saying="let `heavylift migrate` make a new one and start again")
    assert desk.run("migrate", "--data", "old").status == 0
    refused = desk.run(*START, "--data", "old")
    assert is_one_line(refused, status=2, saying="let the mark say ")


def test_a_catalog_whose_address_is_wrong_is_a_wrong_setting(desk: Desk) -> None:
    url = "postgresql://me:geheim@db.internal/facts?sslmode=maybe"
    refused = desk.run(*START, HEAVYLIFT_CATALOG=url, HEAVYLIFT_DATA="new")
    saying = "HEAVYLIFT_CATALOG: sslmode=maybe: it must be one of disable, allow, prefer, require, verify-ca,"
    assert is_one_line(refused, status=2, saying=saying)
    assert "geheim" not in refused.err
    assert places(desk.folder) == ["old"]


@pytest.mark.parametrize(
    ("query", "variable", "saying"),
    [("target_session_attrs=master", "", "HERE: target_session_attrs=master: it must be one of any, read-wr"),
     ("connect_timeout=soon", "", "HERE: connect_timeout=soon: it must be a whole number."),
     ("sslmode=gehe/im@x", "", "HERE: sslmode: it must be one of disable, allow"),
     ("", "PGSSLMODE", "HERE: PGSSLMODE=maybe: it must be one of disable, allow,")],
)  # fmt: skip
def test_what_postgresql_cannot_be_asked_for_is_refused_before_it_is_asked(
    monkeypatch: pytest.MonkeyPatch, query: str, variable: str, saying: str
) -> None:
    if variable:
        monkeypatch.setenv(variable, "maybe")
    with pytest.raises(UnfitCatalog) as refused:
        check_url(f"postgresql://me:geheim@db.internal/facts?{query}", named_by="HERE")
    assert str(refused.value).startswith(saying)
    assert "geheim" not in str(refused.value)
    assert "gehe/im" not in str(refused.value)


def test_the_scheme_of_a_url_may_be_in_capitals(desk: Desk) -> None:
    move = desk.run(
        "migrate-data", "--from", "old", "--to-catalog", "SQLite:///x", "--to-blobs", "FILE:bytes"
    )
    assert move.status == 0, move.err
    shown = desk.run("settings", HEAVYLIFT_CATALOG="PostgreSQL://me:geheim@db/x", HEAVYLIFT_BLOBS="S3://b/p")
    assert (shown.status, shown.err) == (0, "")
    assert "\tpostgresql://me:***@db/x\t" in shown.out
    assert "\ts3://b/p\t" in shown.out


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, ("settings",)), (b"data = ", START), (b"\xff", ("migrate-data", "--to", "new"))],
    ids=["missing", "no TOML", "no text"],
)
def test_a_file_of_settings_is_told_by_what_names_it(
    desk: Desk, content: bytes | None, words: tuple[str, ...]
) -> None:
    if content is not None:
        (desk.folder / "set.toml").write_bytes(content)
    refused = desk.run(*words, "--config", "set.toml")
    assert is_one_line(refused, status=2, saying="heavylift: --config=set.toml ")
    refused = desk.run(*words, HEAVYLIFT_CONFIG="set.toml")
    assert is_one_line(refused, status=2, saying="heavylift: HEAVYLIFT_CONFIG=set.toml ")


def test_a_full_disk_is_told_as_that_and_a_start_is_ready_once_there_is_room(
    desk: Desk, small_disk: Path
) -> None:
    made_in(small_disk / "data")
    ballast = small_disk / "ballast"
    fill(ballast, leave=0)
    for words in (("keys", "list"), ("migrate",)):
        refused = desk.run(*words, HEAVYLIFT_DATA=f"{small_disk}/data")
        assert is_one_line(refused, status=1, saying=f"The disk of {small_disk}/data/catalog.sqlite is full")
    with serving(small_disk / "data", env={"HEAVYLIFT_DISK_RESERVE": "0"}) as served:
        eventually(lambda: any("The disk of " in line and "is full" in line for line in served.lines))
        os.truncate(ballast, 0)
        with speaking(served.url, served.key) as api:
            eventually(lambda: api.get(f"{served.root}/readyz").status_code == 200)
            assert content_of(api, add_file(api, b"here")["id"]) == b"here"
