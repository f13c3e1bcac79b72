"""A service is found by what it writes into its folder, by those beside it alone, and while it runs."""

import os
import signal
import socket
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from heavylift import AsyncHeavylift, Heavylift, RequestOptions
from heavylift.client.address import this_network
from heavylift.client.errors import AuthenticationError, MissingKeyError
from tests.cli.beside import OWN_KEY, facts
from tests.cli.typing_in import Desk, Terminal
from tests.serving import Served, serving, start
from tests.support.stand_in import StandIn, stand_in_server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[Served]:
    with serving(home / "heavylift-data", env=OWN_KEY) as served:
        yield served


@pytest.fixture
def beside(service: Served, home: Path) -> Desk:
    """In the folder of the service, with nothing set."""
    return Desk(folder=home, variables={})


def test_its_folder_is_enough(beside: Desk, service: Served) -> None:
    found = facts(beside)
    assert (found["server"], found["project"]) == (service.url, "default")
    assert found["key_from"] == str(service.data / "api-key")
    assert found["version"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("variable", ["HEAVYLIFT_BASE_URL", "OPENAI_BASE_URL"])
def test_every_name_of_loopback_finds_its_key_and_a_key_of_openai_stays_at_home(
    beside: Desk, service: Served, host: str, variable: str
) -> None:
    url = f"http://{host}:{service.port}/v1"
    others = {"OPENAI_API_KEY": "sk-real"} if variable == "HEAVYLIFT_BASE_URL" else {}
    found = facts(beside, **{variable: url}, **others)
    assert (found["server"], found["key_from"]) == (service.url, str(service.data / "api-key"))


def test_a_folder_that_is_named_is_enough_elsewhere(service: Served, tmp_path: Path) -> None:
    elsewhere = Desk(folder=tmp_path, variables={"HEAVYLIFT_DATA": str(service.data)})
    assert facts(elsewhere)["server"] == service.url


async def test_the_sdk_finds_it_too(
    service: Served, home: Path, monkeypatch: pytest.MonkeyPatch, clean: None
) -> None:
    monkeypatch.chdir(home)
    with Heavylift() as client:
        made = client.files.create_file(file=b"x", filename="a.txt", purpose="user_data")
    async with AsyncHeavylift() as waiting:
        assert (await waiting.files.retrieve_file(file_id=made.id)).bytes == 1


def test_the_file_is_its_owners_alone(service: Served) -> None:
    mode = (service.data / "server").lstat().st_mode
    assert (stat.S_ISREG(mode), stat.S_IMODE(mode)) == (True, 0o600)
    assert [path.name for path in service.data.iterdir() if path.name.startswith("server")] == ["server"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(folder=tmp_path, variables={})


@pytest.fixture
def stranger() -> Iterator[StandIn]:
    """Somebody else's program."""
    with stand_in_server() as served:
        yield served


@pytest.mark.parametrize("workers", ["1", "2"])
def test_who_has_the_port_of_a_service_that_crashed_gets_no_key(
    desk: Desk, stranger: StandIn, workers: str
) -> None:
    """Its file says where it was, with the port of the stranger."""
    served = start(desk.folder / "heavylift-data", options=("--workers", workers), env=OWN_KEY)
    try:
        assert facts(desk)["server"] == served.url
        served.kill()
    finally:
        served.close()
    file = served.data / "server"
    file.write_text(file.read_text().replace(served.url, stranger.url))
    for words in ((), ("--base-url", stranger.url)):
        refused = desk.run(*words, "files", "list", OPENAI_API_KEY="sk-real")
        assert refused.status == 4, refused
        assert "HEAVYLIFT_API_KEY" in refused.err
        assert "heavylift serve" in refused.err
    assert stranger.asked == []


def test_a_service_that_stops_takes_its_file_down_and_the_next_one_is_found(desk: Desk) -> None:
    data = desk.folder / "heavylift-data"
    for _ in range(2):
        with serving(data, env=OWN_KEY) as served:
            assert facts(desk)["server"] == served.url
        assert not (data / "server").exists()


def test_the_first_words_of_a_service_are_for_a_second_shell(desk: Desk) -> None:
    data = desk.folder / "my data"
    elsewhere = replace(desk, folder=desk.folder / "elsewhere")
    elsewhere.folder.mkdir()
    with serving(data, env=OWN_KEY) as served:
        secret = (data / "api-key").read_text()
        said = {"OPENAI_BASE_URL": served.url, "OPENAI_API_KEY": secret}
        assert facts(elsewhere, **said)["key_from"] == "OPENAI_API_KEY"
    assert served.said == [
        f"export OPENAI_BASE_URL={served.url}\n", f"export OPENAI_API_KEY=$(cat '{data}/api-key')\n"
    ]  # fmt: skip
    [told] = served.told("server.serves")
    assert (told["workers"], told["data"], told["docs"]) == (1, str(data), f"{served.root}/docs")
    assert all(line[0] == "{" for line in served.lines)
    assert secret.strip() not in "".join(served.lines)


def test_on_a_terminal_a_service_says_what_it_is(desk: Desk) -> None:
    with Terminal(desk=desk, words=("serve", "--port", "0", "--workers", "2")) as terminal:
        terminal.until("OPENAI_API_KEY")
        terminal.press_ctrl_c()
        terminal.end()
    for said in (
        "version   ",
        f"data      {desk.folder}/heavylift-data",
        "workers   2",
        "fast way  ",
        "/docs",
    ):
        assert said in terminal.seen


def test_of_two_services_on_a_folder_the_later_one_is_found_and_outlives_the_first(desk: Desk) -> None:
    data = desk.folder / "heavylift-data"
    with serving(data, env=OWN_KEY) as first, serving(data, env=OWN_KEY) as second:
        first.stop()
        assert facts(desk)["server"] == second.url


def link(file: Path) -> None:
    real = file.rename(file.with_name("elsewhere"))
    file.symlink_to(real)


def copy(file: Path) -> None:
    text = file.read_text()
    file.unlink()
    file.write_text(text)


def abroad(file: Path) -> None:
    """As if a container had written it that shares the folder, but not the loopback."""
    file.write_text(file.read_text().replace(this_network(), "elsewhere"))


def give_away(file: Path) -> None:
    os.chown(file, 65_534, -1)


HARMS = [link, copy, abroad, lambda file: file.chmod(0o620), give_away][: 5 if os.geteuid() == 0 else 4]


@pytest.mark.parametrize("harm", HARMS, ids=["link", "copy", "abroad", "group", "owner"][: len(HARMS)])
def test_a_file_that_is_not_what_the_service_wrote_is_not_believed(service: Served, harm: object) -> None:
    file, kept = service.data / "server", service.data / "kept"
    text, owner = file.read_text(), file.stat().st_uid
    os.link(file, kept)
    try:
        harm(file)  # type: ignore[operator]
        refused = Desk(folder=service.data.parent, variables={}).run("files", "list")
    finally:
        os.replace(kept, file)
        kept.unlink(missing_ok=True)  # both may have been names of one file
        file.write_text(text)
        os.chown(file, owner, -1)
        file.chmod(0o600)
        (service.data / "elsewhere").unlink(missing_ok=True)
    assert refused.status == 4, refused
    assert facts(Desk(folder=service.data.parent, variables={}))["server"] == service.url


def test_the_file_goes_when_a_stop_begins_while_the_port_is_still_the_services(desk: Desk) -> None:
    with (
        serving(desk.folder / "heavylift-data", env=OWN_KEY) as served,
        socket.create_connection(("127.0.0.1", served.port)) as slow,
    ):
        slow.sendall(
            b"POST /v1/files HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\nAuthorization: Bearer "
            + (served.data / "api-key").read_bytes().strip() + b"\r\n\r\n"
        )  # fmt: skip
        assert slow.recv(100).startswith(b"HTTP/1.1 100")  # it is under way
        served.process.send_signal(signal.SIGTERM)
        while not served.told("server.draining"):
            assert served.process.poll() is None
        assert not (served.data / "server").exists()
        assert served.process.poll() is None


def test_a_key_that_is_a_link_is_not_sent(service: Served, beside: Desk) -> None:
    key = service.data / "api-key"
    real = key.rename(service.data / "real-key")
    key.symlink_to(real)
    try:
        refused = beside.run("files", "list")
    finally:
        real.replace(key)
    assert refused.status == 4
    assert "api-key" in refused.err


def test_what_stands_in_the_way_of_the_file_does_not_keep_a_service_from_serving(desk: Desk) -> None:
    data = desk.folder / "heavylift-data"
    (data / "server").mkdir(parents=True)
    with serving(data, env=OWN_KEY) as served:
        assert desk.run("files", "list").status == 4
    [told] = served.told("server.address_not_kept")
    assert told["reason"] == "Is a directory"


def test_a_service_without_keys_needs_none_said(desk: Desk) -> None:
    with serving(desk.folder / "heavylift-data", env={**OWN_KEY, "HEAVYLIFT_AUTH": "off"}) as served:
        found = facts(desk)
        assert (found["server"], found["key_from"], found["project"]) == (served.url, None, "default")
        elsewhere = replace(desk, folder=desk.folder / "heavylift-data")
        assert elsewhere.run("--base-url", served.url, "files", "list").status == 4
        assert elsewhere.run("--base-url", served.url, "--api-key", "", "files", "list").status == 0
    assert served.said[1].startswith("export OPENAI_API_KEY=none")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_who_listens_everywhere_is_found_on_loopback(desk: Desk, host: str) -> None:
    with serving(desk.folder / "heavylift-data", options=("--host", host), env=OWN_KEY) as served:
        found = facts(desk)
        assert found["server"] in {f"http://127.0.0.1:{served.port}/v1", f"http://[::1]:{served.port}/v1"}
        assert found["project"] == "default"


def test_a_refused_key_is_told_with_where_it_came_from(
    service: Served, home: Path, beside: Desk, monkeypatch: pytest.MonkeyPatch, clean: None
) -> None:
    refused = beside.run("files", "list", HEAVYLIFT_API_KEY="wrong-key-of-mine")
    assert (refused.status, "came from HEAVYLIFT_API_KEY." in refused.err) == (4, True), refused
    refused = beside.run("--api-key", "wrong-key-of-mine", "files", "list")
    assert "came from --api-key." in refused.err
    assert "wrong-key-of-mine" not in refused.err
    with (
        Heavylift(api_key="wrong", server_url=service.url) as client,
        pytest.raises(AuthenticationError, match=r"The key came from api_key=\."),
    ):
        next(iter(client.files.list_files()))


def test_a_bound_key_does_not_follow_a_call_to_another_server(
    service: Served, home: Path, stranger: StandIn, monkeypatch: pytest.MonkeyPatch, clean: None
) -> None:
    monkeypatch.chdir(home)
    with Heavylift() as client:
        next(iter(client.files.list_files(options=RequestOptions(server_url=stranger.url))), None)
    [asked] = stranger.requests
    assert "authorization" not in asked.headers


def test_without_a_key_the_sdk_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean: None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    for kind in (Heavylift, AsyncHeavylift):
        with pytest.raises(MissingKeyError, match=r"HEAVYLIFT_API_KEY.*OPENAI_API_KEY is set"):
            kind()
    Heavylift(api_key="").close()
