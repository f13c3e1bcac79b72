"""Profiles: tried before they are kept, kept for their owner alone, and for one server alone."""

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.typing_in import Desk, Ended, Terminal
from tests.serving import Served
from tests.support.stand_in import StandIn, stand_in_server


@pytest.fixture
def away(tmp_path: Path) -> Desk:
    """Where nothing is set, and no service runs."""
    return Desk(folder=tmp_path, variables={})


@pytest.fixture
def stranger() -> Iterator[StandIn]:
    with stand_in_server() as served:
        yield served


def profiles(desk: Desk) -> Path:
    return desk.folder / "config" / "heavylift" / "profiles.json"


def log_in(desk: Desk, url: str, key: str, *words: str) -> Ended:
    return desk.run("login", "--base-url", url, *words, given=f"{key}\n".encode())


def test_what_is_kept_is_found_until_it_is_forgotten(away: Desk, server: Served) -> None:
    done = log_in(away, server.url, server.key)
    assert done.status == 0, done
    assert "project default" in done.out
    assert server.key not in done.out + done.err
    mode = profiles(away).stat().st_mode
    assert (stat.S_IMODE(mode), stat.S_IMODE(profiles(away).parent.stat().st_mode)) == (0o600, 0o700)
    found = json.loads(away.run("whoami", "--json").out)
    assert (found["server"], found["server_from"]) == (server.url, "the profile default")
    assert away.run("files", "list").status == 0
    assert "Forgot" in away.run("logout").out
    assert away.run("files", "list").status == 4
    assert away.run("logout").status == 0


def test_at_a_terminal_the_key_is_not_shown(away: Desk, server: Served) -> None:
    with Terminal(desk=away, words=("login",)) as terminal:
        terminal.until("Server URL")
        terminal.enter(f"{server.url}\n")
        terminal.until("API key: ")  # from then on nothing is shown
        terminal.enter(f"{server.key}\n")
        assert terminal.end() == 0
    assert server.key not in terminal.seen
    assert away.run("files", "list").status == 0


def test_profiles_are_named_by_an_option_or_a_variable(away: Desk, server: Served, stranger: StandIn) -> None:
    assert log_in(away, stranger.url, "sk-plain").status == 0
    assert log_in(away, server.url, server.key, "--profile", "work").status == 0
    assert away.run("--profile", "work", "files", "list").status == 0
    found = json.loads(away.run("whoami", "--json", HEAVYLIFT_PROFILE="work").out)
    assert found["server"] == server.url
    plain = json.loads(away.run("whoami", "--json").out)
    assert (plain["server"], plain["version"], plain["project"]) == (stranger.url, None, None)
    missing = away.run("--profile", "wrok", "files", "list")
    assert (missing.status, "default, work" in missing.err) == (2, True), missing


def test_a_wrong_key_is_not_kept_nor_a_server_that_is_away(away: Desk, server: Served) -> None:
    wrong = log_in(away, server.url, "wrong-key-of-mine")
    assert wrong.status == 4
    assert "wrong-key-of-mine" not in wrong.err
    assert log_in(away, "http://127.0.0.1:1/v1", "k").status == 5
    assert log_in(away, "ftp://x", "k").status == 2
    assert away.run("login").status == 2
    assert not profiles(away).exists()


def test_its_key_goes_to_its_server_alone(away: Desk, server: Served, stranger: StandIn) -> None:
    assert log_in(away, server.url, server.key).status == 0
    refused = away.run("files", "list", HEAVYLIFT_BASE_URL=stranger.url)
    assert refused.status == 4
    assert f"goes to {server.url} alone" in refused.err
    assert stranger.asked == []
    assert away.run("--base-url", server.url, "files", "list").status == 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"profiles": {"default": {"base_url": 5}}}'])
def test_a_file_that_is_broken_is_told_and_nothing_else_is_taken(
    away: Desk, server: Served, content: str
) -> None:
    profiles(away).parent.mkdir(parents=True)
    profiles(away).write_text(content)
    openai = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": server.key}
    told = away.run("files", "list", **openai)
    assert (told.status, str(profiles(away)) in told.err) == (2, True), told
    assert "Traceback" not in told.err
    ours = {"HEAVYLIFT_BASE_URL": server.url, "HEAVYLIFT_API_KEY": server.key}
    assert away.run("files", "list", **ours).status == 0  # it is not needed
    assert log_in(away, server.url, server.key).status == 2
    assert profiles(away).read_text() == content
    assert away.run("logout").status == 2


@pytest.mark.parametrize("home", ["", "/dev/null/home"])
def test_without_a_home_there_are_no_profiles(away: Desk, server: Served, home: str) -> None:
    there = {"HOME": home, "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": ""}
    assert log_in(replace(away, variables=there), server.url, server.key).status in {1, 2}
    ours = {"HEAVYLIFT_BASE_URL": server.url, "HEAVYLIFT_API_KEY": server.key}
    assert away.run("files", "list", **ours, **there).status == 0
    assert away.run("files", "list", **there).status == 4


def test_a_folder_that_cannot_be_made_is_told(away: Desk, server: Served) -> None:
    (away.folder / "config").write_text("a file")
    told = log_in(away, server.url, server.key)
    assert (told.status, "config" in told.err) == (1, True), told


def test_a_link_in_place_of_the_file_is_replaced_and_what_it_leads_to_is_not(
    away: Desk, server: Served
) -> None:
    profiles(away).parent.mkdir(parents=True)
    mine = away.folder / "mine.json"
    mine.write_text('{"profiles": {}}')
    profiles(away).symlink_to(mine)
    assert log_in(away, server.url, server.key).status == 0
    assert mine.read_text() == '{"profiles": {}}'
    assert not profiles(away).is_symlink()


def test_what_a_later_version_has_added_is_kept(away: Desk, server: Served) -> None:
    profiles(away).parent.mkdir(parents=True)
    profiles(away).write_text(
        '{"profiles": {"a": {"base_url": "http://a/v1", "api_key": "", "new": 1}}, "x": 2}'
    )
    assert log_in(away, server.url, server.key).status == 0
    kept = json.loads(profiles(away).read_text())
    assert (kept["x"], kept["profiles"]["a"]["new"], sorted(kept["profiles"])) == (2, 1, ["a", "default"])
