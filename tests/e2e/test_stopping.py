"""How one process stops, what signals do to it, and what its certificate does."""

import signal
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.e2e.certificates import make_certificate, served_certificate
from tests.e2e.sockets import answer, connected, head, part_under_way
from tests.e2e.test_running import SERVE, plain_environment
from tests.e2e.wire import create, description, eventually, good, refused, speaking
from tests.serving import serving


def test_while_a_body_ends_nothing_is_begun_and_idle_connections_are_gone(tmp_path: Path) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(serving(tmp_path))
        api = stack.enter_context(speaking(served.url, served.key))
        upload = create(api, 6)["id"]
        idle = stack.enter_context(connected(served.port))
        idle.sendall(head("GET", "/healthz"))
        answer(idle)
        part = stack.enter_context(part_under_way(served.port, served.key, upload, b"abc", b"def"))
        served.process.send_signal(signal.SIGTERM)
        assert idle.recv(1) == b""  # while the Part is still under way
        newcomer = stack.enter_context(speaking(served.url, served.key))
        late = newcomer.post("/uploads", json=description(3))
        refused(late, 503, code="shutting_down", param=None, says="stopping")
        assert late.headers["connection"] == "close"
        part.sendall(b"def")
        assert good(answer(part))["id"]
        assert served.process.wait(60) == 0


def test_what_is_left_when_the_grace_is_over_is_cut_off_and_told_once(tmp_path: Path) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(serving(tmp_path, env={"HEAVYLIFT_STOP_GRACE": "0.5"}))
        api = stack.enter_context(speaking(served.url, served.key))
        upload = create(api, 6)["id"]
        for _ in range(2):
            stack.enter_context(part_under_way(served.port, served.key, upload, b"abc", b"def"))
        assert served.stop() == 0
        served.close()
        [cut] = served.told("server.cut_off")
        assert (cut["connections"], cut["requests"]) == (2, 2)
        assert not served.told("request.failed")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_does_not_wait(tmp_path: Path, number: signal.Signals) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(serving(tmp_path, env={"HEAVYLIFT_STOP_GRACE": "600"}))
        api = stack.enter_context(speaking(served.url, served.key))
        upload = create(api, 6)["id"]
        stack.enter_context(part_under_way(served.port, served.key, upload, b"abc", b"def"))
        served.process.send_signal(signal.SIGTERM)
        eventually(lambda: bool(served.told("server.draining")))
        served.process.send_signal(number)
        assert served.process.wait(60) == 128 + number
        served.close()
        assert len(served.told("server.cut_off")) == 1
        assert served.told("request")[-1]["status"] == 499


def test_signals_that_some_tools_send_do_no_harm_and_hup_renews_the_certificate(tmp_path: Path) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    first = make_certificate(chain, key)
    options = ("--tls-cert", str(chain), "--tls-key", str(key))
    with serving(tmp_path / "data", options=options) as served:
        assert served_certificate(served.port) == first
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
            served.process.send_signal(number)
        eventually(lambda: bool(served.told("certificate.loaded")))
        second = make_certificate(chain, key)
        eventually(lambda: served_certificate(served.port) == second)
        chain.write_text("broken")
        eventually(lambda: bool(served.told("certificate.refused")))
        assert served_certificate(served.port) == second
        assert served.process.poll() is None


def test_a_certificate_that_cannot_be_loaded_is_an_error_of_the_settings(tmp_path: Path) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    make_certificate(chain, key)
    chain.write_text(key.read_text())
    for workers in ("1", "2"):
        said = refused_to_start(
            tmp_path, "--workers", workers, "--tls-cert", str(chain), "--tls-key", str(key)
        )
        assert "tls_cert" in said
        said = refused_to_start(
            tmp_path, "--workers", workers, "--tls-cert", str(tmp_path / "none"), "--tls-key", str(key)
        )
        assert f"setting tls_cert: {tmp_path}/none cannot be read" in said


def test_a_port_that_is_taken_is_an_error_of_the_settings_before_a_key_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = refused_to_start(tmp_path, "--port", str(other.getsockname()[1]))
    assert "settings host and port: cannot listen on 127.0.0.1:" in said
    assert not (tmp_path / "data" / "api-key").exists()
    assert "no-such-host.invalid" in refused_to_start(tmp_path, "--host", "no-such-host.invalid")


def refused_to_start(folder: Path, *options: str) -> str:
    """What is said about it, in one line."""
    done = subprocess.run(
        [*SERVE, "--data", str(folder / "data"), *options],
        env=plain_environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("heavylift: ")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_bytes_that_are_no_tls_are_told_in_the_log_and_nothing_else_happens(tmp_path: Path) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    make_certificate(chain, key)
    options = ("--tls-cert", str(chain), "--tls-key", str(key))
    with serving(tmp_path / "data", options=options) as served:
        with connected(served.port) as plain:
            plain.sendall(head("GET", "/healthz"))
            eventually(lambda: bool(served.told("connection.failed")))
        assert httpx2.get(f"{served.root}/healthz", verify=False, timeout=60).status_code == 200
