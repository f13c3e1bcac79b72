"""What the environment and a file say: what counts, what is ignored, and the sentence for what is wrong."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from heavylift.catalog.migrating import UnfitCatalog
from heavylift.catalog.postgres_url import parse
from heavylift.environment import WrongSetting, origin, remarks
from heavylift.settings import Settings
from heavylift.shown import explained, shown_url, shown_values


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("HEAVYLIFT_"):
            monkeypatch.delenv(name)


def complaint(**given: Any) -> str:
    """What is said of settings that cannot be."""
    with pytest.raises(ValidationError) as refused:
        Settings(**given)
    return explained(refused.value, given)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_variable_that_is_set_but_empty_is_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"HEAVYLIFT_{name.upper()}", "")
    assert Settings() == Settings.model_construct(
        **{field: info.get_default() for field, info in Settings.model_fields.items()}
    )
    assert origin(name, {}) == "default"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_variable_of_spaces_is_not_set_either(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"HEAVYLIFT_{name.upper()}", " \t")
    assert Settings() == Settings.model_construct(
        **{field: info.get_default() for field, info in Settings.model_fields.items()}
    )
    assert origin(name, {}) == "default"


def test_origins_are_written_as_browsers_send_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "HEAVYLIFT_CORS_ORIGINS",
        "https://A.example/, http://b:80,https://c:443,http://c:443,http://[::1]:3000,*,null",
    )
    assert Settings().cors_origins == [
        "https://a.example", "http://b", "https://c", "http://c:443", "http://[::1]:3000", "*", "null",
    ]  # fmt: skip
    monkeypatch.setenv("HEAVYLIFT_ALLOWED_HOSTS", "box.lan, ::1, [fd00::7], 10.0.0.7")
    assert Settings().allowed_hosts == ["box.lan", "::1", "fd00::7", "10.0.0.7"]


@pytest.mark.parametrize(
    "key", ["too short", "with a space in it all", "clé-qui-est-assez-longue", "\x7f" * 20]
)
def test_a_chosen_key_that_no_client_can_send_is_a_wrong_setting(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEAVYLIFT_BOOTSTRAP_KEY", key)
    said = complaint()
    assert said.startswith("HEAVYLIFT_BOOTSTRAP_KEY=***: an API key needs at least 16 characters")
    assert key not in said


def test_the_end_of_a_line_behind_a_chosen_key_does_not_belong_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEAVYLIFT_BOOTSTRAP_KEY", "chosen-by-the-operator\n")
    key = Settings().bootstrap_key
    assert key is not None
    assert key.get_secret_value() == "chosen-by-the-operator"


def test_an_empty_text_in_the_file_is_not_set_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "heavylift.toml"
    file.write_text('host = ""\ndata = ""\nport = 1\n')
    monkeypatch.setenv("HEAVYLIFT_CONFIG", str(file))
    settings = Settings()
    assert (settings.host, str(settings.data), settings.port) == ("127.0.0.1", "heavylift-data", 1)
    assert (origin("host", {}), origin("port", {})) == ("default", str(file))
    monkeypatch.setenv("HEAVYLIFT_CONFIG", "")
    assert Settings().port == 8321


def test_what_kubernetes_sets_is_ignored_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PORT": "tcp://10.0.0.7:8321", "SERVICE_HOST": "10.0.0.7", "SERVICE_PORT": "8321",
        "SERVICE_PORT_HTTP": "8321", "PORT_8321_TCP": "tcp://10.0.0.7:8321", "PORT_8321_TCP_PROTO": "tcp",
        "PORT_8321_TCP_PORT": "8321", "PORT_8321_TCP_ADDR": "10.0.0.7",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"HEAVYLIFT_{name}", value)
    assert Settings().port == 8321
    assert origin("port", {}) == "default"
    [line] = remarks(Settings.model_fields)
    assert line.startswith("HEAVYLIFT_PORT=tcp://10.0.0.7:8321 is ignored: Kubernetes sets it")


def test_sizes_times_and_lists_are_written_as_people_write_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "heavylift.toml"
    file.write_text('max_file_bytes = "1G"\nidle_timeout = "1.5m"\n[purposes.zip]\nlifetime = "7d"\n')
    monkeypatch.setenv("HEAVYLIFT_CONFIG", str(file))
    for name, value in {
        "MAX_PART_BYTES": "16M", "MAX_JSON_BYTES": "64KiB", "UPLOAD_SECONDS": "2h", "STOP_GRACE": "0.5",
        "CORS_ORIGINS": "https://a.example, https://b.example,",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"HEAVYLIFT_{name}", value)
    settings = Settings()
    assert (settings.max_file_bytes, settings.max_part_bytes, settings.max_json_bytes) == (
        2**30,
        2**24,
        2**16,
    )
    assert (settings.idle_timeout, settings.upload_seconds, settings.stop_grace) == (90, 7200, 0.5)
    assert settings.purposes["zip"].lifetime == 604_800
    assert settings.cors_origins == ["https://a.example", "https://b.example"]
    monkeypatch.setenv("HEAVYLIFT_CORS_ORIGINS", '["https://c.example"]')
    assert Settings().cors_origins == ["https://c.example"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "http", "valid integer"),
        ("MAX_PART_BYTES", "16Q", "Write bytes, or 512K, 16M, 1G"),
        ("IDLE_TIMEOUT", "soon", "Write seconds, or 15m, 12h, 7d, 2w"),
        ("CORS_ORIGINS", '["x', "a list: one,two"),
        ("PURPOSES", "{x", "a table in JSON"),
        ("DOWNLOADS", "some", "'all' or 'openai'"),
        ("LANE", "perhaps", "valid boolean"),
        ("CORS_ORIGINS", "upload.example", "https://upload.example.com"),
        ("CORS_ORIGINS", "https://upload.example/page", "https://upload.example.com"),
        ("CORS_ORIGINS", '{"a": 1}', "https://upload.example.com"),
        ("MAX_PARTS", "99999999999999999999", "less than or equal to 1000000000"),
        ("ALLOWED_HOSTS", "https://box.lan", "without a scheme or a port"),
        ("ALLOWED_HOSTS", "box.lan:8321", "without a scheme or a port"),
        ("ALLOWED_HOSTS", "*", "without a scheme or a port"),
        ("HOST", "http://127.0.0.1", "without a scheme or a port: 127.0.0.1, or 0.0.0.0 for all"),
        ("HOST", "127.0.0.1:9000", "without a scheme or a port"),
        ("HOST", "*", "0.0.0.0 for all interfaces"),
        ("HOST", "[::1", "without a scheme or a port"),
    ],
)
def test_a_wrong_value_is_told_with_variable_value_and_what_is_expected(
    name: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"HEAVYLIFT_{name}", value)
    said = complaint()
    assert said.startswith(f"HEAVYLIFT_{name}={value}: ")
    assert expected in said


def test_the_file_and_the_command_line_are_named_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "heavylift.toml"
    monkeypatch.setenv("HEAVYLIFT_CONFIG", str(file))
    file.write_text('port = "http"\n')
    assert complaint().startswith(f"{file}: port=http: ")
    file.write_text("")
    assert complaint(tls_cert="a\0b").startswith("--tls-cert=")
    file.write_text("prot = 80\n")
    assert complaint() == f"{file}: there is no setting prot; did you mean port?"
    file.write_text("data = 3\n")
    assert complaint() == f"{file}: data=3: it must be a path, written as a text"
    file.write_text("[server]\nport = 80\n")
    assert complaint().startswith(
        f"{file}: there is no setting server. Settings stand at the top of the file"
    )
    file.write_text("[purposes.zip]\nlifetme = 80\n")
    assert complaint() == f"{file}: there is no setting purposes.zip.lifetme; did you mean lifetime?"
    for broken in ("port = ", 'port = "\\xff"', None):
        file.unlink() if broken is None else file.write_text(broken)
        with pytest.raises(WrongSetting, match=f"HEAVYLIFT_CONFIG={file}"):
            Settings()


@pytest.mark.parametrize(
    ("written", "meant"),
    [("[::1]", "::1"), ("::", "::"), (" 10.0.0.7 ", "10.0.0.7"), ("fe80::1%lo", "fe80::1%lo"), ("b", "b")],
)
def test_an_address_to_listen_on_may_have_the_brackets_of_a_url(
    written: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEAVYLIFT_HOST", written)
    assert Settings().host == meant
    assert Settings(host=written, auth="off" if meant == "::1" else "on").host == meant


SECRETIVE = [
    "postgresql://u:geheim@h/db",
    "postgresql://u:ge@heim@h/db",
    "postgresql://u:geheim/x@h/db",
    "postgresql://u:geheim#x@h/db",
    "postgresql://u:geheim?x=y@h/db",
    "postgresql://u:geheim",
    "postgresql://h/db?password=geheim",
    "postgres:u:geheim@h",
    "host=h user=u password=geheim",
    "u:geheim@h",
    "s3://id:geheim@bucket/prefix",
    "file://u:geheim@h/x",
]


@pytest.mark.parametrize("url", SECRETIVE)
def test_a_password_is_not_shown_however_wrong_its_url_is(url: str) -> None:
    assert "heim" not in shown_url(url)
    assert "heim" not in str(shown_values(Settings(catalog=url)))
    with pytest.raises(ValidationError) as refused:
        Settings(catalog=url, blobs=url, port="http")
    assert "heim" not in f"{refused.value!r} {refused.value} {explained(refused.value, {})}"


@pytest.mark.parametrize(
    "url",
    ["postgresql://u@h:5432/db", "postgresql://[::1]:5432/db", "postgresql:///db?host=/run/pg", "memory:",
     "file:///a@b#c", "sqlite:////a@b", "sqlite://", "s3://bucket/prefix", "postgresql://a:1,b:2/db"],
)  # fmt: skip
def test_a_url_without_a_secret_is_shown_as_it_is(url: str) -> None:
    assert shown_url(url) == url


def test_the_first_key_is_not_shown_when_it_is_wrong() -> None:
    assert "geheim" not in complaint(bootstrap_key=["geheim"])


@pytest.mark.parametrize("port", ["99999", "0"])
def test_a_port_that_cannot_be_makes_a_url_that_is_not_waited_for(port: str) -> None:
    with pytest.raises(UnfitCatalog, match="cannot be read"):
        parse(f"postgresql://u@h:{port}/db")
    assert parse("postgresql://u@h:5432/db").name
