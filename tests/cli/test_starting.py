"""Starting up: the client's commands do without the server, and the server's without the client."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heavylift import units
from heavylift.cli import amounts, local
from heavylift.cli.app import app
from tests.cli.typing_in import Desk

OF_THE_SERVER = ("alembic", "fastapi", "limits", "pydantic_settings", "sqlalchemy", "starlette", "uvicorn")
OURS = ("api", "blobs", "catalog", "domain", "service", "settings", "stores", "wiring")

WATCHED = """
import json, sys
from heavylift.cli.app import main
sys.argv = ["heavylift", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    print()
    print(json.dumps([end.code, sorted(sys.modules)]))
"""


def imported(desk: Desk, *words: str) -> set[str]:
    """The modules that a command has imported when it is done."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *words],
        cwd=desk.folder, env=desk.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == 0, done
    return set(modules)


@pytest.mark.parametrize(
    "words",
    [("files", "list"), ("uploads", "list"), ("upload", "big.jsonl"), ("doctor",), ("--help",)],
    ids=" ".join,
)
def test_the_commands_of_the_client_import_nothing_of_the_server(desk: Desk, words: tuple[str, ...]) -> None:
    modules = imported(desk, *words)
    forbidden = {*OF_THE_SERVER, *(f"heavylift.{name}" for name in OURS)}
    assert forbidden & modules == set()
    assert "heavylift.cli.upload" in modules


@pytest.mark.parametrize("words", [("--help",), ("upload", "--help")], ids=" ".join)
def test_help_starts_without_the_sdk(desk: Desk, words: tuple[str, ...]) -> None:
    assert {"awscrt", "heavylift.client.client", "httpx2"} & imported(desk, *words) == set()


@pytest.mark.parametrize("words", [("keys", "list"), ("sweep", "--dry-run")], ids=" ".join)
def test_the_commands_of_an_installation_start_without_the_api(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.run("migrate").status == 0
    assert {"fastapi", "starlette", "heavylift.api", "heavylift.wiring"} & imported(desk, *words) == set()


@pytest.mark.parametrize("words", [("settings", "--json"), ("projects", "list")], ids=" ".join)
def test_the_commands_of_the_server_start_without_the_sdk(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.run("migrate").status == 0
    modules = imported(desk, *words)
    assert "heavylift.settings" in modules
    assert {"heavylift.client.client", "httpx2"} & modules == set()


@given(st.integers(0, 10**12), st.sampled_from(["", *"kmgt"]), st.sampled_from(["", "b", "ib"]))
def test_sizes_are_read_as_they_are_written(count: int, unit: str, rest: str) -> None:
    step = 1000 if rest == "b" else 1024
    assert amounts.size(f" {count}{unit}{rest} ".upper()) == count * step ** ["", *"kmgt"].index(unit)


def test_a_megabyte_is_a_million_bytes_and_a_mebibyte_is_not() -> None:
    assert [amounts.size(text) for text in ("16MB", "16MiB", "16M", "1 GB", "7B")] == [
        16_000_000, 16_777_216, 16_777_216, 10**9, 7,
    ]  # fmt: skip


@given(st.integers(0, 10**12 - 1), st.sampled_from(sorted(units.SECONDS)))
def test_times_are_read_as_they_are_written(count: int, unit: str) -> None:
    assert amounts.seconds(f"{count}{unit}") == count * units.SECONDS[unit]
    assert amounts.seconds(json.dumps({"anchor": "created_at", "seconds": count})) == count


@pytest.mark.parametrize(
    ("span", "shown"), [(None, "-:--"), (0.2, "0:00"), (65, "1:05"), (3661, "1:01:01"), (1e9, "-:--")]
)
def test_spans_are_shown_as_clocks_show_them(span: float | None, shown: str) -> None:
    assert amounts.show_span(span) == shown


def test_times_that_no_calendar_has_are_shown_as_numbers() -> None:
    assert amounts.show_moment(10**18) == str(10**18)
    assert amounts.show_moment(0) == "1970-01-01 00:00:00Z"


@pytest.mark.parametrize(
    "words", [("serve",), ("sweep",), ("keys", "list"), ("migrate",), ("settings",)], ids=" ".join
)
def test_windows_hears_in_a_sentence_that_the_service_does_not_run_there(
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """Its modules are not even looked for: some of what they need is not there."""
    monkeypatch.setattr(local, "WINDOWS", True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        app(words, standalone_mode=True)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "need Linux or macOS" in said
    assert "\n" not in said.strip()
    assert list(tmp_path.iterdir()) == []
