"""The commands of an operator, through the real command line, while a server runs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.wire import add_file, create, eventually, good, refused, send_part, speaking
from tests.serving import Served


def heavylift(server: Served, *words: str, status: int = 0) -> str:
    """Run a command over the server's data folder. What it printed, or complained if it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "heavylift.cli", *words, "--data", str(server.data)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


def as_json(server: Served, *words: str) -> Any:
    return json.loads(heavylift(server, *words, "--json"))


def test_a_project_with_its_keys_from_its_making_to_its_end(server: Served, tmp_path: Path) -> None:
    name = f"team-{tmp_path.name}"
    project = as_json(server, "projects", "create", name)
    assert project["name"] == name
    assert name in [one["name"] for one in as_json(server, "projects", "list")]
    made = as_json(server, "keys", "create", "--project", name, "--name", "ci")
    bare = heavylift(server, "keys", "create", "--project", name).strip()
    assert bare.startswith("hl-")
    with speaking(server.url, made["key"]) as api, speaking(server.url, bare) as other:
        mine = create(api, 3)["id"]
        assert good(other.get(f"/uploads/{mine}"))["id"] == mine
        listed = as_json(server, "keys", "list", "--project", name)
        assert {key["id"] for key in listed} >= {made["id"]}
        assert made["key"] not in json.dumps(listed)
        assert heavylift(server, "keys", "revoke", made["id"]) == f"revoked {made['id']}\n"
        eventually(lambda: api.get("/files").status_code == 401, seconds=15)
        refused(api.get("/files"), 401, code="invalid_api_key", param=None)
        refused(send_part(api, mine, b"abc"), 401, code="invalid_api_key", param=None)
        good(other.get("/files"))
    table = heavylift(server, "keys", "list")
    assert made["key"] not in table
    assert bare not in table


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("keys", "revoke", "key_of_nobody"), "heavylift: There is no key key_of_nobody"),
        (("keys", "create", "--project", "nowhere"), "heavylift: There is no project 'nowhere'"),
        (("projects", "create", "default"), "heavylift: There is a project 'default' already."),
        (("projects", "create", " "), "heavylift: A project needs a name."),
    ],
)
def test_a_command_that_cannot_be_done_says_why_in_one_line(
    server: Served, words: tuple[str, ...], complaint: str
) -> None:
    said = heavylift(server, *words, status=1)
    assert said.startswith(complaint)
    assert len(said.splitlines()) == 1


def test_sweep_says_what_it_would_do_and_does_it_beside_the_server(server: Served) -> None:
    with speaking(server.url, server.key) as api:
        kept = add_file(api, b"kept")["id"]
        preview = as_json(server, "sweep", "--dry-run")
        assert preview["dry_run"] is True
        assert "orphaned blobs" in heavylift(server, "sweep")
        assert api.get(f"/files/{kept}/content").content == b"kept"


def test_settings_shows_what_is_in_force_and_no_secret(
    server: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "heavylift.toml"
    config.write_text("max_parts = 7\nrate_limit = 5\n")
    monkeypatch.setenv("HEAVYLIFT_CONFIG", str(config))
    monkeypatch.setenv("HEAVYLIFT_RATE_LIMIT", "9")
    monkeypatch.setenv("HEAVYLIFT_BOOTSTRAP_KEY", "hl-a-secret-not-to-be-shown")
    shown = as_json(server, "settings")
    assert shown["max_parts"] == {"value": 7, "source": str(config)}
    assert shown["rate_limit"] == {"value": 9, "source": "HEAVYLIFT_RATE_LIMIT"}
    assert shown["data"]["source"] == "command line"
    assert shown["port"] == {"value": 8321, "source": "default"}
    assert "not-to-be-shown" not in heavylift(server, "settings") + json.dumps(shown)
