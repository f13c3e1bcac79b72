"""Starting, serving and stopping: the first key, TLS, workers, a stop that loses nothing."""

import os
import signal
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.e2e.sockets import answer, part_under_way
from tests.e2e.wire import (
    WITNESS,
    begun,
    content_of,
    create,
    eventually,
    good,
    refused,
    send_complete,
    send_part,
    speaking,
    status_of,
)
from tests.serving import serving

SERVE = [sys.executable, "-m", "heavylift.cli", "serve", "--port", "0"]


def plain_environment(**more: str) -> dict[str, str]:
    """This environment without any setting of ours but those."""
    return {k: v for k, v in os.environ.items() if not k.startswith("HEAVYLIFT_")} | more


@contextmanager
def announced(data: Path) -> Iterator[list[str]]:
    """What `heavylift serve` prints up to its URL, while it runs as nobody has configured it."""
    with subprocess.Popen(
        [*SERVE, "--data", str(data)],
        env=plain_environment(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        try:
            for line in process.stdout:
                lines.append(line)
                if "serves" in line:
                    break
            yield lines
        finally:
            process.terminate()
        assert process.wait(60) == 0


def test_the_first_start_makes_a_key_and_keeps_it_from_others(tmp_path: Path) -> None:
    with announced(tmp_path) as lines:
        first, url = lines[0], lines[-1].split()[-1]
        key = (tmp_path / "api-key").read_text().strip()
        assert first.startswith("API key: kept in ")
        assert key not in "".join(lines)
        with speaking(url, key) as api:
            good(api.get("/files"))
    kept = tmp_path / "api-key"
    assert kept.read_text() == key + "\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with announced(tmp_path) as lines:
        assert len(lines) == 1
        assert key not in "".join(lines)
        with speaking(lines[-1].split()[-1], key) as api:
            good(api.get("/files"))
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("catalog*"))
    assert key.encode() not in stored


@pytest.mark.parametrize(
    ("options", "settings", "words"),
    [
        (["--host", "0.0.0.0"], {"HEAVYLIFT_AUTH": "off"}, "auth=off is only accepted on loopback"),
        (["--tls-cert", "x.pem"], {}, "tls_cert and tls_key go together"),
        ([], {"HEAVYLIFT_WORKERS": "none"}, "HEAVYLIFT_WORKERS=none: it must be"),
        (["--config", "/nowhere/heavylift.toml"], {}, "heavylift.toml cannot be read"),
        ([], {"HEAVYLIFT_BOOTSTRAP_KEY": "short"}, "at least 16 characters"),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_sentence(
    tmp_path: Path, options: list[str], settings: dict[str, str], words: str
) -> None:
    done = subprocess.run(
        [*SERVE, "--data", str(tmp_path), *options],
        env=plain_environment(**settings), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert done.stderr.startswith("heavylift: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_auth_on_loopback_no_key_is_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path, env={"HEAVYLIFT_AUTH": "off"}) as served, speaking(served.url, None) as api:
        upload, parts = begun(api, b"abc")
        done = good(send_complete(api, upload, parts))
        assert done["status"] == "completed"
        for path in ("/uploads", f"/uploads/{upload}/parts", f"/uploads/{upload}/complete", "/files"):
            for name, value in (("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")):
                foreign = api.post(path, content=b"{}", headers={name: value})
                refused(foreign, 403, code="foreign_page", param=name)
            refused(api.post(path, content=b"{}", headers={"host": "evil.example"}), 421, code="wrong_host",
                    param="Host")  # fmt: skip
        for path in (f"/uploads/{upload}", f"/files/{done['file']['id']}/content", f"{served.root}/healthz"):
            assert api.get(path, headers={"sec-fetch-site": "cross-site"}).status_code == 403
            assert api.get(path, headers={"host": "evil.example"}).status_code == 421
            assert api.get(path).status_code == 200


def test_a_stop_lets_running_parts_finish_and_tells_new_ones_when_to_come_back(tmp_path: Path) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(serving(tmp_path))
        api = stack.enter_context(speaking(served.url, served.key))
        upload = create(api, 12)["id"]
        running = [
            stack.enter_context(part_under_way(served.port, served.key, upload, b"abc", b"def"))
            for _ in range(2)
        ]
        served.process.send_signal(signal.SIGTERM)
        eventually(lambda: any("server.draining" in line for line in served.lines))
        late = send_part(api, upload, b"late")
        refused(late, 503, code="shutting_down", param=None, says="stopping")
        assert int(late.headers["retry-after"]) >= 1
        assert api.get(f"{served.root}/readyz").status_code == 503
        assert api.get(f"{served.root}/healthz").status_code == 200
        parts = []
        for connection in running:
            connection.sendall(b"def")
            parts.append(good(answer(connection))["id"])
        assert served.process.wait(60) == 0
    with serving(tmp_path) as again, speaking(again.url, again.key) as api:
        done = good(send_complete(api, upload, parts))
        assert content_of(api, done["file"]["id"]) == b"abcdefabcdef"


def test_a_second_interrupt_does_not_wait(tmp_path: Path) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(serving(tmp_path, env={"HEAVYLIFT_STOP_GRACE": "600"}))
        api = stack.enter_context(speaking(served.url, served.key))
        upload = create(api, 6)["id"]
        stack.enter_context(part_under_way(served.port, served.key, upload, b"abc", b"def"))
        served.process.send_signal(signal.SIGINT)
        eventually(lambda: any("server.draining" in line for line in served.lines))
        served.process.send_signal(signal.SIGINT)
        served.process.wait(60)
    with serving(tmp_path) as again, speaking(again.url, again.key) as api:
        assert status_of(api, upload) == "pending"
        assert good(api.get(f"/uploads/{upload}/parts"))["data"] == []


def test_several_workers_serve_one_upload(tmp_path: Path) -> None:
    pieces = [bytes([n]) * 100_000 for n in range(8)]
    with serving(tmp_path, options=("--workers", "2")) as served:
        with speaking(served.url, served.key) as api:
            upload = create(api, sum(map(len, pieces)))["id"]

        def add(piece: bytes) -> str:
            with speaking(served.url, served.key) as own:
                return str(good(send_part(own, upload, piece))["id"])

        with ThreadPoolExecutor(8) as threads:
            parts = list(threads.map(add, pieces))
        workers = served.workers()
        assert len(workers) == 2
        with speaking(served.url, served.key) as api:
            done = good(send_complete(api, upload, parts))
        with speaking(served.url, served.key) as api:
            assert content_of(api, done["file"]["id"]) == b"".join(pieces)
        assert served.stop() == 0
        assert not any(worker.is_running() for worker in workers)


def test_tls_serves_https(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    options = ("--tls-cert", str(certificate), "--tls-key", str(key))
    trusting = ssl.create_default_context(cafile=str(certificate))
    with serving(tmp_path / "data", options=options) as served:
        assert served.url.startswith("https://127.0.0.1:")
        with httpx2.Client(
            base_url=served.url, verify=trusting, headers={"Authorization": f"Bearer {served.key}"},
            event_hooks={"response": [WITNESS]}, timeout=60,
        ) as api:  # fmt: skip
            upload, parts = begun(api, bytes(300_000), b"end")
            done = good(send_complete(api, upload, parts))
            assert content_of(api, done["file"]["id"]) == bytes(300_000) + b"end"
