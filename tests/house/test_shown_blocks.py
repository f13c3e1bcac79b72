"""Blocks of the documentation that are shown and not run are right all the same."""

import configparser
import json
import tomllib
from pathlib import Path

import pytest

from heavylift.api.errors import refusal_response
from heavylift.domain.errors import PartTooLarge
from heavylift.environment import CONFIG_VARIABLE, PREFIX
from heavylift.settings import Settings
from tests.house.examples import Example, examples_of
from tests.house.project import pages


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
