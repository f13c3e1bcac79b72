"""Why an object store cannot be used is said: port, name, certificate, bucket, conditions."""

import logging
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import obstore
import pytest

from heavylift.blobs import open_blobs
from heavylift.blobs.objects import PROBE, ObjectBlobs
from heavylift.blobs.unfinished import Bucket, Unfinished
from heavylift.domain.ids import new_blob_key
from heavylift.service.ports import StorageDown
from tests.contract.blobs import content
from tests.e2e.wire import BOUND
from tests.objects.engines import BUCKET, KEYS, ObjectStore
from tests.ports import closed_port


def at(endpoint: str, environment: pytest.MonkeyPatch, bucket: str = BUCKET) -> ObjectBlobs:
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1"}.items():
        environment.setenv(name, value)
    blobs = open_blobs(f"s3://{bucket}/{uuid4().hex}")
    assert isinstance(blobs, ObjectBlobs)
    return blobs


async def reason(endpoint: str, environment: pytest.MonkeyPatch) -> str:
    blobs = at(endpoint, environment)
    with pytest.raises(StorageDown) as caught:
        await content(blobs, new_blob_key())
    await blobs.close()
    return str(caught.value)


@contextmanager
def encrypted(folder: Path) -> Iterator[str]:
    """A server with a certificate that nobody knows."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving_store(BaseHTTPRequestHandler, context) as port:
        yield f"https://localhost:{port}"


@contextmanager
def serving_store(
    handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None
) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(BOUND)
        server.server_close()


async def test_a_port_where_nobody_listens_and_a_name_that_nobody_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with closed_port() as port:
        assert "Connection refused" in await reason(f"http://127.0.0.1:{port}", monkeypatch)
        bucket = Bucket(url=f"http://127.0.0.1:{port}/b", region="r", credentials=None)
        unfinished = Unfinished(bucket, timeout=BOUND)
        with pytest.raises(StorageDown, match=r"refused|\[Errno 111\]"):
            [one async for one in unfinished.all("")]
        await unfinished.close()
    assert "lookup" in await reason("http://store.invalid", monkeypatch)


async def test_a_certificate_that_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with encrypted(tmp_path) as endpoint:
        said = await reason(endpoint, monkeypatch)
        assert "InvalidCertificate" in said
        assert "SSL_CERT_FILE" in said


@pytest.mark.parametrize("command", ["serve", "sweep"])
@pytest.mark.parametrize("kind", ["seaweed", "poor"])
def test_a_bucket_that_is_not_there_is_named_and_is_a_wrong_setting(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, command: str
) -> None:
    store: ObjectStore = request.getfixturevalue(kind)
    env = {**os.environ, **store.environment(), "HEAVYLIFT_BLOBS": "s3://not-there/prefix",
           "HEAVYLIFT_PORT": "0"}  # fmt: skip

    def run(command: str) -> "subprocess.CompletedProcess[str]":
        words = [sys.executable, "-m", "heavylift.cli", command, "--data", str(tmp_path)]
        return subprocess.run(words, env=env, capture_output=True, text=True, timeout=3 * BOUND, check=False)

    if command == "sweep":  # which makes no installation
        assert run("migrate").returncode == 0
    done = run(command)
    assert done.returncode == 2, done.stderr
    assert "no such bucket" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("kind", "warnings"), [("seaweed", 0), ("poor", 1)])
async def test_a_store_that_ignores_conditions_is_told_of(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    warnings: int,
) -> None:
    store: ObjectStore = request.getfixturevalue(kind)
    blobs = at(store.endpoint, monkeypatch)
    await blobs.set_mark("ours")
    assert await blobs.mark() == "ours"
    await blobs.close()
    assert len([line for line in caplog.messages if "conditional writes" in line]) == warnings


class WithoutConditions(BaseHTTPRequestHandler):
    """A store of one process's memory that refuses conditional writes."""

    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["If-None-Match"]:
            self._say(501, b"<Error><Code>NotImplemented</Code></Error>")
        else:
            self.objects[self.path] = body
            self._say(200, b"")

    def do_GET(self) -> None:
        found = self.objects.get(self.path)
        self._say(*((404, b"<Error><Code>NoSuchKey</Code></Error>") if found is None else (200, found)))

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "ETag": '"e"',
                            "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}.items():  # fmt: skip
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not here."""


async def test_a_store_that_refuses_conditions_is_marked_all_the_same_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    WithoutConditions.objects = {}
    with serving_store(WithoutConditions) as port:
        blobs = at(f"http://127.0.0.1:{port}", monkeypatch)
        await blobs.set_mark("ours")
        await blobs.set_mark("theirs")
        assert await blobs.mark() == "ours"
        await blobs.close()
    assert [line for line in caplog.messages if "conditional writes" in line]


async def test_a_probe_is_one_object_however_often_it_is_made(
    seaweed: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One version each time, and not two, on a bucket that keeps them."""
    blobs = at(seaweed.endpoint, monkeypatch)
    for _ in range(3):
        await blobs.ping()
    names = [one["path"] for page in obstore.list(seaweed.client()) for one in page]
    assert [name for name in names if name.startswith(blobs._prefix)] == [blobs._prefix + PROBE]
    await blobs.close()
