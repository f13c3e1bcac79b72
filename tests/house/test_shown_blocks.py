"""Blocks of the documentation that are shown and not run are right all the same."""

import configparser
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import psutil
import pytest
from openai import OpenAI

from heavylift.api.errors import refusal_response
from heavylift.domain.errors import PartTooLarge
from heavylift.environment import CONFIG_VARIABLE, PREFIX
from heavylift.settings import Settings
from tests.e2e.wire import not_tested
from tests.house.examples import Example, examples_of
from tests.house.project import pages
from tests.serving import Served, serving

MIB = 1024 * 1024


def blocks(page: str, language: str) -> list[Example]:
    found = [example for example in examples_of(page, pages()[page]) if example.language == language]
    assert found, f"there is no block of {language} on {page} any more"
    return found


@pytest.mark.parametrize("example", blocks("docs/settings.md", "toml"), ids=lambda example: example.where)
def test_a_settings_file_is_accepted(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "heavylift.toml"
    file.write_text(example.text, encoding="utf-8")
    monkeypatch.setenv(CONFIG_VARIABLE, str(file))
    settings = Settings()
    assert set(tomllib.loads(example.text)) <= settings.model_fields_set
    assert settings.purpose_table["archive"].extensions == {"zip", "tar"}


def test_the_unit_of_systemd_sets_only_what_there_is() -> None:
    for example in blocks("docs/operations.md", "ini"):
        unit = configparser.RawConfigParser(strict=False)
        unit.read_string(example.text)
        assert unit["Service"]["ExecStart"].endswith("/heavylift serve")
        stop = float(unit["Service"]["TimeoutStopSec"])
        assert stop > Settings.model_fields["stop_grace"].default
        variables = {
            line.removeprefix("Environment=").partition("=")[0]
            for line in example.text.splitlines()
            if line.startswith("Environment=")
        }
        assert variables <= {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def unit(tmp_path: Path) -> Path:
    """The page's unit in a file."""
    [shown] = blocks("docs/operations.md", "ini")
    path = tmp_path / "heavylift.service"
    path.write_text(shown.text, encoding="utf-8")
    return path


def test_the_unit_of_systemd_leaves_little_open(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        not_tested("THE UNIT WAS NOT JUDGED: install systemd")
    words = [
        "systemd-analyze",
        "security",
        "--no-pager",
        "--offline=yes",
        "--threshold=29",
        str(unit(tmp_path)),
    ]
    judged = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert judged.returncode == 0, judged.stdout[-300:] + judged.stderr
    assert "Overall exposure level" in judged.stdout
    assert not re.search("Unknown|Failed", judged.stderr)


def test_the_unit_allows_every_system_call_that_a_transfer_makes(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None or shutil.which("strace") is None:
        not_tested("THE UNIT'S SYSTEM CALLS WERE NOT COMPARED: install systemd and strace")
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    sets = {
        block.split()[0]: {line.strip() for line in block.splitlines()[1:]}
        for block in listed.split("\n\n")
        if block
    }
    allowed, todo = set[str](), ["@default", "@system-service"]
    while todo:
        members = sets[todo.pop()]
        todo += [name for name in members if name.startswith("@")]
        allowed |= members
    counted = tmp_path / "calls"
    with serving(tmp_path / "data", before=("strace", "-f", "-qq", "-c", "-o", str(counted))) as served:
        transfer(served)
        [traced] = psutil.Process(served.pid).children()  # strace itself does not hear the signal
        traced.terminate()
        served.process.wait(60)
    made = {line.split()[-1] for line in counted.read_text().splitlines() if re.match(r" *[0-9.]+ ", line)}
    assert {"openat", "fdatasync"} & made
    assert made - allowed - {"total"} == set()


def transfer(served: Served) -> None:
    """An Upload of a small Part and a large one, and its download."""
    with OpenAI(base_url=served.url, api_key=served.key) as client:
        upload = client.uploads.create(
            filename="x", purpose="user_data", bytes=MIB + 3, mime_type="application/octet-stream"
        )
        parts = [client.uploads.parts.create(upload.id, data=data).id for data in (bytes(MIB), b"abc")]
        file = client.uploads.complete(upload.id, part_ids=parts).file
        assert file is not None
        assert len(client.files.content(file.id).read()) == MIB + 3


def test_nginx_is_told_to_let_the_largest_body_through() -> None:
    for example in blocks("docs/operations.md", "nginx"):
        [size] = [
            int(line.split()[1].removesuffix("m;"))
            for line in example.text.splitlines()
            if "client_max_body_size" in line
        ]
        assert size * 1024 * 1024 > Settings.model_fields["max_file_bytes"].default
        assert example.text.count("{") == example.text.count("}")


def test_the_error_that_is_shown_is_one_that_is_sent() -> None:
    refusal = PartTooLarge(
        "A Part holds at most 67108864 bytes. Send the same bytes in smaller Parts.", param="data"
    )
    [shown] = blocks("docs/errors.md", "json")
    assert json.loads(shown.text) == json.loads(bytes(refusal_response(refusal).body))
