"""Settings: where they come from, which wins, and what each refusal says."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from heavylift.domain.purposes import PURPOSES, Checks
from heavylift.environment import origin, remarks
from heavylift.settings import Settings
from heavylift.values import is_loopback


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("HEAVYLIFT_"):
            monkeypatch.delenv(name)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TOML file that the environment names."""
    path = tmp_path / "heavylift.toml"
    path.write_text('port = 1111\nmax_parts = 7\nlog_level = "debug"\n')
    monkeypatch.setenv("HEAVYLIFT_CONFIG", str(path))
    return path


def test_an_argument_wins_over_the_environment_over_the_file_over_the_default(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEAVYLIFT_PORT", "2222")
    monkeypatch.setenv("HEAVYLIFT_MAX_PARTS", "8")
    settings = Settings(port=3333)
    assert settings.port == 3333
    assert settings.max_parts == 8
    assert settings.log_level == "debug"
    assert settings.host == "127.0.0.1"


def test_sources_tell_where_each_value_came_from(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("heavylift_max_parts", "8")
    given = {"port": 3333}
    found = {name: origin(name, given) for name in Settings.model_fields}
    assert found["port"] == "command line"
    assert found["max_parts"] == "HEAVYLIFT_MAX_PARTS"
    assert found["log_level"] == str(config)
    assert found["host"] == "default"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no auth beyond loopback": ({"auth": "off", "host": "0.0.0.0"}, "auth=off is only accepted on loopback"),
    "no auth by name": ({"auth": "off", "host": "example.test"}, "auth=off is only accepted on loopback"),
    "a certificate alone": ({"tls_cert": "c.pem"}, "tls_cert and tls_key go together"),
    "a TLS key alone": ({"tls_key": "k.pem"}, "tls_cert and tls_key go together"),
    "orphans too soon": ({"orphan_grace": 3600}, "orphan_grace must be longer than body_timeout"),
    "less held than declared": ({"max_held_bytes": 1}, "max_held_bytes must be at least max_upload_bytes"),
    "port beyond": ({"port": 65536}, "less than or equal to 65535"),
    "port below": ({"port": -1}, "greater than or equal to 0"),
    "no workers": ({"workers": 0}, "greater than or equal to 1"),
    "an unknown durability": ({"durability": "maybe"}, "'strict' or 'relaxed'"),
    "unknown checks": ({"purpose_checks": "some"}, "'full', 'extension' or 'off'"),
    "unknown downloads": ({"downloads": "none"}, "'all' or 'openai'"),
    "an unknown level": ({"log_level": "loud"}, "'debug', 'info', 'warning' or 'error'"),
    "no bodies": ({"max_bodies": 0}, "greater than or equal to 1"),
    "no patience": ({"idle_timeout": 0}, "greater than 0"),
    "an unknown setting": ({"prot": 80}, "Extra inputs are not permitted"),
    "an endless purpose": ({"purposes": {"x": {"lifetime": 0}}}, "greater than or equal to 1"),
}


@pytest.mark.parametrize(("given", "sentence"), WRONG.values(), ids=WRONG)
def test_what_cannot_work_is_refused_with_a_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(**given)
    assert sentence in str(refused.value)


def test_a_wrong_value_in_the_environment_or_the_file_is_refused_too(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("prot = 80\n")
    with pytest.raises(ValidationError, match="prot"):
        Settings()
    config.write_text("")
    monkeypatch.setenv("HEAVYLIFT_PORT", "http")
    with pytest.raises(ValidationError, match="port"):
        Settings()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_without_auth_loopback_is_fine(host: str) -> None:
    assert is_loopback(host)
    assert Settings(auth="off", host=host).auth == "off"


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.0.1", "", "localhost.example.test", "127.1", "[::1]"]
)
def test_everything_else_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_stores_are_in_the_data_folder_unless_named(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert settings.catalog_url == f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    assert settings.blobs_url == f"file://{tmp_path / 'blobs'}"
    assert settings.key_file == tmp_path / "api-key"
    named = Settings(data=tmp_path, catalog="sqlite://", blobs="memory:")
    assert (named.catalog_url, named.blobs_url) == ("sqlite://", "memory:")


def test_the_first_key_is_never_shown() -> None:
    settings = Settings(bootstrap_key="hl-very-secret-key-indeed")
    assert "very-secret" not in repr(settings)
    assert "very-secret" not in settings.model_dump_json()


def test_limits_and_schedule_are_those_that_were_set() -> None:
    settings = Settings(
        max_part_bytes=1, max_upload_bytes=2, max_held_bytes=3, max_parts=4, max_file_bytes=5,
        max_json_bytes=2048, upload_seconds=7, empty_files=True, sweep_interval=8, expiry_grace=9,
        delete_grace=10, upload_retention=11, orphan_interval=12, orphan_grace=3601,
    )  # fmt: skip
    limits, schedule = settings.limits, settings.schedule
    assert (limits.part_bytes, limits.upload_bytes, limits.held_bytes, limits.parts) == (1, 2, 3, 4)
    assert (limits.file_bytes, limits.json_bytes, limits.upload_seconds) == (5, 2048, 7)
    assert limits.empty_files
    assert (schedule.interval, schedule.expiry_grace, schedule.delete_grace) == (8, 9, 10)
    assert (schedule.retention, schedule.orphan_interval, schedule.orphan_grace) == (11, 12, 3601)


def test_an_operator_adds_to_a_purpose_and_makes_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "HEAVYLIFT_PURPOSES",
        '{"assistants": {"extensions": [".VB"], "mime_types": ["text/x-vb"]},'
        ' "batch": {"extensions": ["txt"], "post_bytes": 5, "lifetime": 6},'
        ' "user_data": {"extensions": ["txt"]}, "own": {"extensions": ["own"], "lifetime": 9}}',
    )
    table = Settings().purpose_table
    assert list(table) == [*PURPOSES, "own"]
    assert table["assistants"].extensions == PURPOSES["assistants"].extensions | {"vb"}
    assert "text/x-vb" in table["assistants"].mime_types
    assert (table["batch"].extensions, table["batch"].only) == ({"jsonl", "txt"}, None)
    assert (table["batch"].post_bytes, table["batch"].lifetime) == (5, 6)
    assert table["user_data"].extensions == frozenset()  # it took anything before and goes on doing so
    assert (table["own"].name, table["own"].extensions, table["own"].lifetime) == ("own", {"own"}, 9)
    assert table["fine-tune"] is PURPOSES["fine-tune"]


def test_downloads_are_open_unless_openais_way_is_wanted() -> None:
    assert Settings().closed_purposes == frozenset()
    assert Settings(downloads="openai").closed_purposes == {"assistants", "user_data"}


def test_the_defaults_are_those_of_the_protocol() -> None:
    settings = Settings()
    assert settings.purpose_checks is Checks.FULL
    assert settings.limits.part_bytes == 67_108_864
    assert settings.limits.upload_bytes == 8_589_934_592
    assert settings.limits.file_bytes == 536_870_912
    assert (settings.auth, settings.port, settings.upload_seconds) == ("on", 8321, 3600)


def test_a_misspelt_variable_is_found_out_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HEAVYLIFT_PROT", "HEAVYLIFT_PORT", "HEAVYLIFT_API_KEY", "HEAVYLIFT_XYZZY"):
        monkeypatch.setenv(name, "1")
    assert list(remarks(Settings.model_fields)) == [
        "HEAVYLIFT_PROT is no setting and has no effect; did you mean HEAVYLIFT_PORT?",
        "HEAVYLIFT_XYZZY is no setting and has no effect",
    ]


def test_several_workers_cannot_share_blobs_in_memory() -> None:
    with pytest.raises(ValidationError, match="set workers=1"):
        Settings(blobs="memory:", workers=2)
    assert Settings(blobs="memory:", workers=1).blobs == "memory:"


def test_several_machines_cannot_share_blobs_in_memory() -> None:
    with pytest.raises(ValidationError, match="set workers=1 and a SQLite catalog"):
        Settings(blobs="memory:", catalog="postgresql://db/heavylift")


@pytest.mark.parametrize("catalog", ["sqlite://", "sqlite:///:memory:"])
def test_a_catalog_in_memory_does_not_leave_blobs_behind(catalog: str) -> None:
    with pytest.raises(ValidationError, match="set blobs=memory: too"):
        Settings(catalog=catalog)
