"""`heavylift doctor`: what it says of a healthy server, and of all that may be wrong."""

import gzip
import json
from email.utils import formatdate

import pytest

from heavylift.cli import examination, probes
from heavylift.cli.connection import Server
from heavylift.client.endpoint import Endpoint
from tests.cli.proxy import proxying
from tests.cli.typing_in import Desk
from tests.serving import Served
from tests.support.answers import Answer
from tests.support.stand_in import StandIn

NOW = 1_790_000_000.0
MIB = 1024 * 1024


def server_at(url: str, key: str = "k") -> Server:
    """With a key."""
    return Server(found=Endpoint(url=url, url_name="the test", key=key, key_name="the test"))


SERVER = server_at("http://service.test/v1")


def examined(desk: Desk, status: int, **variables: str) -> dict[str, dict[str, str]]:
    """The findings by check; with a remedy exactly where something is wrong."""
    done = desk.run("doctor", "--json", **variables)
    assert done.status == status, done
    assert done.err == ""
    found = {finding["check"]: finding for finding in json.loads(done.out)}
    for finding in found.values():
        assert bool(finding["remedy"]) == (finding["state"] in {"warning", "failed"}), finding
    return found


def test_a_healthy_server_passes_every_check_and_nothing_is_left(desk: Desk) -> None:
    found = examined(desk, 0)
    assert list(found) == ["server", "key", "clock", "storage", "part", "proxy"]
    assert {finding["state"] for finding in found.values()} == {"ok"}
    [newest] = json.loads(desk.run("uploads", "list", "--limit", "1", "--json").out)
    assert (newest["filename"], newest["status"]) == ("doctor.bin", "cancelled")


def test_people_get_a_line_for_each_check(desk: Desk) -> None:
    done = desk.run("doctor")
    assert [line.split()[:2] for line in done.out.splitlines()][:2] == [["ok", "server"], ["ok", "key"]]


def test_a_wrong_key_is_told_from_a_server_that_is_away(desk: Desk) -> None:
    found = examined(desk, 1, HEAVYLIFT_API_KEY="wrong-key")
    assert found["server"]["state"] == "ok"
    assert found["key"]["state"] == "failed"
    assert "HEAVYLIFT_API_KEY" in found["key"]["remedy"]
    assert "doctor" not in found["key"]["remedy"]
    assert list(examined(desk, 1, HEAVYLIFT_BASE_URL="http://127.0.0.1:1/v1")) == ["server"]


def test_a_url_without_v1_is_noticed(desk: Desk, server: Served) -> None:
    found = examined(desk, 1, HEAVYLIFT_BASE_URL=server.root)
    assert "/v1" in found["server"]["remedy"]


def test_a_proxy_that_collects_bodies_is_noticed(desk: Desk, server: Served) -> None:
    with proxying(server.root) as proxy:
        found = examined(desk, 0, HEAVYLIFT_BASE_URL=proxy.url)
    assert found["proxy"]["state"] == "warning"
    assert "collects whole bodies" in found["proxy"]["said"]


@pytest.mark.parametrize(
    ("limit", "said", "remedy"),
    [(20 * MIB, "at most 16.0 MiB", "--part-size 15M"), (2 * MIB, "at most 2.0 MiB", "--part-size 1M")],
)
def test_a_proxy_that_limits_bodies_is_measured(
    desk: Desk, server: Served, limit: int, said: str, remedy: str
) -> None:
    with proxying(server.root, limit=limit) as proxy:
        found = examined(desk, 1, HEAVYLIFT_BASE_URL=proxy.url)
    assert said in found["proxy"]["said"]
    assert remedy in found["proxy"]["remedy"]


def test_a_proxy_named_by_the_environment_is_named_and_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://user:secret@proxy.test:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    found = probes.proxies(SERVER, "upload_1")
    assert found.state == "skipped"
    assert "http://proxy.test:3128, which http_proxy names" in found.said


def test_loopback_is_asked_past_the_proxy_of_the_environment(desk: Desk) -> None:
    found = examined(desk, 0, http_proxy="http://127.0.0.1:1", no_proxy="")
    assert found["proxy"]["state"] == "ok"


@pytest.mark.parametrize("status", [404, 502])
def test_an_answer_without_the_envelope_is_nobody_elses(
    stand_in: StandIn, plain_desk: Desk, status: int
) -> None:
    stand_in.answers(
        "POST /uploads/.*/parts", Answer(status=status, body=b"default backend"), forever=True, unread=True
    )
    found = probes.proxies(server_at(stand_in.url), "upload_1")
    assert found.state == "failed"
    assert f"something on the way answers {status}" in found.said


def test_a_door_keeper_in_front_of_the_server_is_told_from_it(stand_in: StandIn, plain_desk: Desk) -> None:
    stand_in.answers("GET /files.*", Answer(status=401, body=b"<h1>Who are you?</h1>"), forever=True)
    found = examined(plain_desk, 1)
    assert list(found) == ["server"]
    assert "something on the way answers 401" in found["server"]["said"]


SAID = {"content-type": "application/json"}
EMPTY = Answer(headers=SAID, body=b'{"object": "list", "data": []}')
WELL = Answer(headers=SAID, body=b'{"status": "ok", "bulk": "fast"}')


@pytest.mark.parametrize(
    "answer",
    [
        Answer(headers={"content-type": "text/html"}, body=b"<h1>Our page</h1>"),
        Answer(headers=SAID, body=b"[" * 100_000),
        Answer(headers=SAID, body=b'{"status": "down"}'),
    ],
    ids=["page", "deep", "other"],
)
def test_what_is_no_word_of_the_server_says_nothing_of_its_storage(stand_in: StandIn, answer: Answer) -> None:
    stand_in.answers("GET /readyz", answer)
    assert probes.storage(server_at(stand_in.url)).state == "skipped"


def test_an_answer_that_unfolds_without_end_is_a_failure_of_its_storage(stand_in: StandIn) -> None:
    bomb = gzip.compress(b" " * 200_000_000, 9)
    stand_in.answers("GET /readyz", Answer(headers={**SAID, "content-encoding": "gzip"}, body=bomb))
    assert probes.storage(server_at(stand_in.url)).state == "failed"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=403, body=b"no"),
        Answer(status=501, body=b"no"),
        Answer(status=500, headers=SAID, body=b'{"error": {"message": "no", "type": "x"}}'),
        Answer(headers={"content-type": "text/html"}, body=b"<h1>Our page</h1>"),
    ],
)
def test_a_server_without_our_lists_is_no_broken_one(
    stand_in: StandIn, plain_desk: Desk, answer: Answer
) -> None:
    stand_in.answers("GET /uploads.*", answer, forever=True)
    found = examined(plain_desk, 0)
    assert list(found) == ["server", "key", "clock", "part", "proxy"]
    assert "1 MiB was taken" in found["part"]["said"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(headers={"content-type": "text/html"}, body=b"<h1>Our page</h1>"),
        Answer(status=500, headers=SAID, body=b'{"error": {"message": "no", "type": "x"}}'),
        Answer(status=400, body=b"bad"),
        Answer(headers=SAID, body=b'{"id": ".."}'),
    ],
)
def test_every_failure_says_what_to_do(stand_in: StandIn, plain_desk: Desk, answer: Answer) -> None:
    stand_in.answers("POST /uploads", answer)
    assert examined(plain_desk, 1)["part"]["state"] == "failed"


def test_a_key_is_sent_past_the_sdk_as_it_sends_it_and_an_id_is_quoted(
    stand_in: StandIn, plain_desk: Desk
) -> None:
    stand_in.answers("POST /uploads/.*/parts", Answer(status=400, body=b"no"), unread=True)
    found = probes.proxies(server_at(stand_in.url, "Bearer sk-1\n"), "upload_\u00e9/..\n")
    assert "something on the way answers 400" in found.said
    [asked] = stand_in.requests
    assert asked.path == "/v1/uploads/upload_%C3%A9%2F..%0A/parts"
    assert asked.headers["authorization"] == "Bearer sk-1"


def test_a_kind_of_proxy_that_is_not_needed_does_not_matter_to_any_check(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", stand_in.url.removesuffix("/v1"))
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    stand_in.answers("GET http://service.test/readyz", WELL)
    assert "the fast way" in probes.storage(SERVER).said


def test_nobody_waits_long_for_a_silent_server(
    stand_in: StandIn, plain_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "SILENCE_MS", 200)
    stand_in.answers("GET /files.*", Answer(headers={"content-length": "9"}, body=[stand_in.released.wait]))
    [found] = examination.examine(server_at(stand_in.url))
    assert "silent for too long" in found.said


@pytest.mark.parametrize(
    ("ahead", "state", "said"),
    [
        (0, "ok", "agree"),
        (29, "ok", "agree"),
        (90, "warning", "90 s ahead"),
        (-3600, "warning", "3600 s behind"),
    ],
)
def test_clocks_are_compared(ahead: float, state: str, said: str) -> None:
    finding = probes.clock(formatdate(NOW, usegmt=True), now=NOW + ahead)
    assert finding.state == state
    assert said in finding.said


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 01 Jan 99999 00:00:00 GMT"])
def test_a_server_that_does_not_tell_its_time_is_let_pass(date: str | None) -> None:
    assert probes.clock(date, now=NOW).state == "skipped"


def test_an_answer_without_end_is_not_waited_for(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes byte by byte, so that it is never silent."""
    monkeypatch.setattr(examination, "LONGEST_SECONDS", 0.3)
    stand_in.answers(
        "GET /files.*",
        Answer(headers={"content-length": "1000"}, body=[b" ", stand_in.released.wait, b" " * 999]),
        forever=True,
    )
    [found] = examination.examine(server_at(stand_in.url))
    assert (found.check, found.state) == ("server", "failed")
    assert "did not end its answer" in found.said


def test_a_fault_of_a_check_is_not_lost_in_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(server: Server) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(examination, "_examined", fail)
    with pytest.raises(ZeroDivisionError):
        list(examination.examine(SERVER))
