"""No installation is moved into another, nor around it, by whatever path; beside it, it may lie."""

from pathlib import Path

import pytest

from heavylift.places import Entangled, check_apart
from heavylift.settings import Settings
from heavylift.stores import migrate
from heavylift.values import as_url


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With an installation in `old`, where `link` leads too."""
    monkeypatch.chdir(tmp_path)
    migrate(Settings(data=Path("old")))
    (tmp_path / "link").symlink_to("old")
    return tmp_path


def by_urls(catalog: str, blobs: str) -> Settings:
    return Settings(catalog=catalog, blobs=blobs)


ENTANGLED = [
    Settings(data=Path("old/blobs")),
    Settings(data=Path("old/new")),
    Settings(data=Path("link/blobs/deep/er")),
    Settings(data=Path("old/../old/blobs/x")),
    Settings(data=Path()),
    by_urls("sqlite:///old/blobs/facts.sqlite", "file:new"),
    by_urls("sqlite:///facts.sqlite", "file:link/blobs/00"),
    by_urls("sqlite:///facts.sqlite", "FILE:old/blobs/.."),
    by_urls("sqlite:///old/a/facts.sqlite", "file:old/a/bytes"),
    by_urls("postgresql://db/x", "file:old/blobs/x"),
]


@pytest.mark.parametrize("new", ENTANGLED, ids=lambda new: f"{new.catalog or new.data} {new.blobs or ''}")
def test_two_installations_do_not_lie_in_one_another(folder: Path, new: Settings) -> None:
    old = Settings(data=Path("old"))
    for one, other in ((old, new), (new, old)):
        with pytest.raises(Entangled):
            check_apart(one, other)


APART = [
    by_urls("sqlite:///facts.sqlite", "file:bytes"),  # around it is a folder of much else
    Settings(data=Path("new")),
    Settings(data=Path("older")),
    by_urls("sqlite:///old/new.sqlite", "file:old/blobs"),
    by_urls("sqlite:///old/new.sqlite", "file:old/bytes"),
    by_urls("sqlite:///old/new.sqlite", "s3://bucket/old"),
    by_urls("postgresql://db/x", "file:link/blobs"),
]


@pytest.mark.parametrize("new", APART, ids=lambda new: f"{new.catalog or new.data} {new.blobs or ''}")
def test_what_shares_blobs_or_lies_beside_is_apart(folder: Path, new: Settings) -> None:
    old = Settings(data=Path("old"))
    check_apart(old, new)
    check_apart(new, old)


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [("s3://bucket", "s3://bucket/a", False), ("s3://bucket/a/b/", "S3://bucket/a", False),
     ("s3://bucket/a", "s3://bucket/a", True), ("s3://bucket/a", "s3://bucket/ab", True),
     ("s3://bucket/a", "gs://bucket/a/b", True), ("s3://bucket/a", "s3://other/a/b", True)],
)  # fmt: skip
def test_prefixes_of_one_bucket_do_not_lie_in_one_another(one: str, other: str, apart: bool) -> None:
    old, new = by_urls("sqlite:///a.sqlite", one), by_urls("sqlite:///b.sqlite", other)
    try:
        check_apart(old, new)
    except Entangled:
        assert not apart
    else:
        assert apart


def test_a_scheme_may_be_in_capitals_and_nothing_else_is_changed() -> None:
    for given, read in (
        ("POSTGRESQL://Me:GeHeim@Db/X", "postgresql://Me:GeHeim@Db/X"),
        ("SQLite:////Data/Facts", "sqlite:////Data/Facts"),
        ("S3://Bucket/P", "s3://Bucket/P"),
        ("Memory:", "memory:"),
        ("no URL: At all", "no URL: At all"),
        ("", ""),
    ):
        assert as_url(given) == read
