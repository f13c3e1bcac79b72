"""The same requests with the lane and without it: nobody can tell the difference but by a clock."""

import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.e2e.sockets import FORM, answer, connected, form, head, held
from tests.e2e.wire import create, eventually, good, refused, speaking
from tests.serving import Served, serving

MIB = 1024 * 1024
LIMIT = 4 * MIB
SMALL = {
    "HEAVYLIFT_MAX_PART_BYTES": str(LIMIT),
    "HEAVYLIFT_DELETE_GRACE": "0",
}


WAYS = {"lane": {"HEAVYLIFT_LANE": "true"}, "plain": {"HEAVYLIFT_LANE": "false"}}


@pytest.fixture(scope="module", params=WAYS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with small Parts, with a lane or without."""
    with serving(tmp_path_factory.mktemp(request.param), env=SMALL | WAYS[request.param]) as served:
        yield served


@pytest.fixture(params=WAYS)
def impatient(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """A server that soon gives up a client that stands still, with a lane or without."""
    with serving(tmp_path, env=WAYS[request.param] | {"HEAVYLIFT_IDLE_TIMEOUT": "2"}) as served:
        yield served


@pytest.fixture
def api(served: Served) -> Iterator[httpx2.Client]:
    """A client of it."""
    with speaking(served.url, served.key) as client:
        yield client


def noise(size: int) -> bytes:
    """Bytes that hold no boundary, nor the end of one: their first is none of its letters."""
    return b"\0" + os.urandom(size - 1)


def part_head(served: Served, upload: str, length: int, **headers: str | int) -> bytes:
    """The head of a Part of `length` bytes on the wire, a form unless told otherwise."""
    defaults: dict[str, str | int] = {"Content_Type": FORM, "Content_Length": length}
    return head("POST", f"/v1/uploads/{upload}/parts", served.key, **(defaults | headers))


def envelope(payload: bytes) -> bytes:
    """The form of a Part with that payload."""
    return form(('name="data"; filename="blob"', payload))


def completed(api: httpx2.Client, upload: str, *part_ids: str) -> str:
    """The id of the File that these Parts make."""
    done = good(api.post(f"/uploads/{upload}/complete", json={"part_ids": part_ids}))
    return str(done["file"]["id"])


def answers(connection: socket.socket, count: int) -> list[httpx2.Response]:
    """So many answers to pipelined requests, off one buffer: what follows an answer is the next one's."""
    found = []
    with connection.makefile("rb") as stream:
        for _ in range(count):
            status = int(stream.readline().split()[1])
            headers = [tuple(line.rstrip(b"\r\n").split(b": ", 1)) for line in iter(stream.readline, b"\r\n")]
            lengths = [int(value) for name, value in headers if name == b"content-length"]
            body = stream.read(lengths[0])
            found.append(httpx2.Response(status, headers=headers, content=body))
    return found


def in_flight(served: Served) -> int:
    """How many descriptors of sockets the server has open, its listening one aside."""
    return len(psutil.Process(served.pid).net_connections(kind="tcp")) - 1


@pytest.mark.parametrize("size", [1, 70_000, 300_000, LIMIT])
def test_a_part_of_any_size_comes_back_byte_for_byte(served: Served, api: httpx2.Client, size: int) -> None:
    payload = noise(size)
    upload = create(api, 2 * size)["id"]
    body = envelope(payload)
    with connected(served.port) as connection:
        parts = []
        for sent, kind in ((body, FORM), (payload, "application/octet-stream")):
            connection.sendall(part_head(served, upload, len(sent), Content_Type=kind) + sent)
            parts.append(good(answer(connection))["id"])
    file = completed(api, upload, *parts)
    assert api.get(f"/files/{file}/content").content == payload + payload


@pytest.mark.parametrize("step", [1, 7, 4096])
def test_a_body_may_come_in_any_pieces(served: Served, api: httpx2.Client, step: int) -> None:
    payload = (b"\r\n--cut-her" * 40 + noise(100)) * (1 if step == 1 else 300)
    upload = create(api, len(payload))["id"]
    body = envelope(payload)
    with connected(served.port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(part_head(served, upload, len(body)))
        for start in range(0, len(body), step):
            connection.sendall(body[start : start + step])
        part = good(answer(connection))["id"]
    file = completed(api, upload, part)
    assert api.get(f"/files/{file}/content").content == payload


def test_requests_behind_a_body_are_answered_in_their_turn(served: Served, api: httpx2.Client) -> None:
    upload = create(api, 3 * MIB)["id"]
    body = envelope(noise(MIB))
    part = part_head(served, upload, len(body)) + body
    look = head("GET", f"/v1/uploads/{upload}", served.key)
    with connected(served.port) as connection, ThreadPoolExecutor(1) as sender:
        sending = sender.submit(connection.sendall, part + look + part + look + part + look)
        found = [good(one) for one in answers(connection, 6)]
        sending.result()
    assert [look["parts_count"] for look in found[1::2]] == [1, 2, 3]


def test_a_part_over_the_limit_is_refused_and_the_connection_goes_on(
    served: Served, api: httpx2.Client
) -> None:
    upload = create(api, 10)["id"]
    body = envelope(noise(LIMIT + 1))
    with connected(served.port) as connection:
        connection.sendall(part_head(served, upload, len(body)) + body)
        refused(answer(connection), 413, code="part_too_large", param="data")
        connection.sendall(head("GET", f"/v1/uploads/{upload}", served.key))
        assert good(answer(connection))["parts_count"] == 0


def test_a_refusal_in_the_middle_reads_on_so_that_it_arrives(served: Served, api: httpx2.Client) -> None:
    upload = create(api, 10)["id"]
    body = form(('name="data"', b"x" * 200_000), ('name="other"', noise(MIB)))
    with connected(served.port) as connection:
        connection.sendall(part_head(served, upload, len(body)) + body)
        refused(answer(connection), 400, code="unknown_parameter", param="other")
        connection.sendall(head("GET", "/healthz"))
        good(answer(connection))


def test_a_body_that_is_not_waited_for_is_refused_at_its_head(served: Served, api: httpx2.Client) -> None:
    upload = create(api, 10)["id"]
    with connected(served.port) as connection:
        connection.sendall(part_head(served, upload, 10 * LIMIT, Expect="100-continue"))
        found = answer(connection)
        refused(found, 413, code="part_too_large", param="data")
        assert found.headers["connection"] == "close"
        assert connection.recv(1) == b""


def test_leave_to_send_is_given_once_the_part_is_admitted(served: Served, api: httpx2.Client) -> None:
    upload = create(api, 10)["id"]
    body = envelope(b"0123456789")
    with connected(served.port) as connection:
        connection.sendall(part_head(served, upload, len(body), Expect="100-continue"))
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert good(answer(connection))["bytes"] == 10


@pytest.mark.parametrize("sent", [0, 50_000, 600_000])
def test_a_client_that_leaves_leaves_nothing(served: Served, api: httpx2.Client, sent: int) -> None:
    upload = create(api, 10)["id"]
    before = len(served.blobs())
    with connected(served.port) as connection:
        connection.sendall(part_head(served, upload, MIB) + envelope(noise(MIB))[:sent])
    eventually(lambda: len(served.blobs()) == before)
    seen = good(api.get(f"/uploads/{upload}"))
    assert (seen["status"], seen["parts_count"]) == ("pending", 0)


def test_a_client_that_stops_is_told_so(impatient: Served) -> None:
    with speaking(impatient.url, impatient.key) as api, connected(impatient.port) as connection:
        upload = create(api, 10)["id"]
        connection.sendall(part_head(impatient, upload, MIB) + envelope(noise(MIB))[:300_000])
        refused(answer(connection), 408, code="request_timeout", param=None)
    eventually(lambda: impatient.blobs() == [])


def test_many_bodies_that_stand_still_hold_nobody_up(served: Served, api: httpx2.Client) -> None:
    upload = create(api, 2 * MIB)["id"]
    still = [socket.create_connection(("127.0.0.1", served.port), timeout=60) for _ in range(40)]
    try:
        for connection in still:
            connection.sendall(part_head(served, upload, MIB) + envelope(noise(MIB))[:100_000])
        body = envelope(noise(MIB))
        with connected(served.port) as connection:
            connection.sendall(part_head(served, upload, len(body)) + body)
            good(answer(connection))
    finally:
        for connection in still:
            connection.close()


def test_a_chunked_body_takes_the_usual_way(served: Served, api: httpx2.Client) -> None:
    payload = noise(MIB)
    upload = create(api, MIB)["id"]

    def pieces() -> Iterator[bytes]:
        yield from (envelope(payload)[start : start + 65_536] for start in range(0, MIB + 1000, 65_536))

    headers = {"Content-Type": FORM}
    part = good(api.post(f"/uploads/{upload}/parts", content=pieces(), headers=headers))["id"]
    assert api.get(f"/files/{completed(api, upload, part)}/content").content == payload


def test_a_digest_is_verified_whichever_way_the_bytes_come(served: Served, api: httpx2.Client) -> None:
    upload = create(api, 10)["id"]
    before = len(served.blobs())
    headers = {"Content-Type": "application/octet-stream", "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    found = api.post(f"/uploads/{upload}/parts", content=noise(MIB), headers=headers)
    refused(found, 400, code="digest_mismatch", param="Content-MD5")
    eventually(lambda: len(served.blobs()) == before)


@pytest.fixture(scope="module")
def file_of_parts(served: Served) -> tuple[str, bytes]:
    """A File of five Parts of odd sizes, and its bytes."""
    with speaking(served.url, served.key) as api:
        payloads = [noise(size) for size in (1, LIMIT, 65_537, 3 * MIB, 7)]
        upload = create(api, sum(map(len, payloads)))["id"]
        headers = {"Content-Type": "application/octet-stream"}
        parts = [
            good(api.post(f"/uploads/{upload}/parts", content=payload, headers=headers))["id"]
            for payload in payloads
        ]
        return completed(api, upload, *parts), b"".join(payloads)


@pytest.mark.parametrize(
    "span", [(0, 0), (0, 1), (1, LIMIT), (LIMIT, LIMIT + 2), (5, 7 * MIB), (7 * MIB, 8 * MIB)]
)
def test_a_range_crosses_parts(
    api: httpx2.Client, file_of_parts: tuple[str, bytes], span: tuple[int, int]
) -> None:
    file, content = file_of_parts
    found = api.get(f"/files/{file}/content", headers={"Range": f"bytes={span[0]}-{span[1]}"})
    expected = content[span[0] : span[1] + 1]
    assert found.status_code == 206
    assert found.content == expected
    assert found.headers["content-length"] == str(len(expected))


def test_downloads_and_other_requests_share_a_connection(
    served: Served, file_of_parts: tuple[str, bytes]
) -> None:
    file, content = file_of_parts
    get = head("GET", f"/v1/files/{file}/content", served.key)
    with connected(served.port) as connection:
        connection.sendall(get + head("GET", "/healthz") + get)
        first, health, second = answers(connection, 3)
    assert (first.content, second.content) == (content, content)
    good(health)


def test_a_download_under_way_survives_a_slow_reader_and_others(
    served: Served, api: httpx2.Client, file_of_parts: tuple[str, bytes]
) -> None:
    file, content = file_of_parts
    with connected(served.port) as connection:
        connection.sendall(head("GET", f"/v1/files/{file}/content", served.key))
        answer = bytearray(connection.recv(1000))
        for _ in range(3):
            assert api.get(f"/files/{file}/content").content == content
        while len(body := answer.partition(b"\r\n\r\n")[2]) < len(content):
            more = connection.recv(MIB)
            assert more, "the connection ended early"
            answer += more
    assert body == content


def test_a_reader_that_takes_nothing_is_cut_off(impatient: Served) -> None:
    with speaking(impatient.url, impatient.key) as api:
        size = 32 * MIB
        upload = create(api, size)["id"]
        headers = {"Content-Type": "application/octet-stream"}
        part = good(api.post(f"/uploads/{upload}/parts", content=bytes(size), headers=headers))["id"]
        file = completed(api, upload, part)
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(60)
            connection.connect(("127.0.0.1", impatient.port))
            connection.sendall(head("GET", f"/v1/files/{file}/content", impatient.key))
            assert connection.recv(1) == b"H"  # the answer is under way
            eventually(lambda: in_flight(impatient) == 1)


def test_readers_that_leave_free_everything(
    served: Served, api: httpx2.Client, file_of_parts: tuple[str, bytes]
) -> None:
    file, _ = file_of_parts
    good(api.get("/files"))
    before = held(served.pid)
    for _ in range(20):
        with connected(served.port) as connection:
            connection.sendall(head("GET", f"/v1/files/{file}/content", served.key))
            connection.recv(100)
    eventually(lambda: held(served.pid) <= before)


def test_a_head_request_has_no_body(served: Served, file_of_parts: tuple[str, bytes]) -> None:
    file, content = file_of_parts
    with connected(served.port) as connection:
        connection.sendall(head("HEAD", f"/v1/files/{file}/content", served.key))
        assert answer(connection, "HEAD").headers["content-length"] == str(len(content))
        connection.sendall(head("GET", "/healthz"))
        good(answer(connection))


def test_nothing_is_left_open_behind_all_this(served: Served, api: httpx2.Client) -> None:
    good(api.get("/files"))
    open_blobs = [f for f in psutil.Process(served.pid).open_files() if "/blobs/" in f.path]
    assert open_blobs == []


def test_over_tls_bodies_take_the_usual_way(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    options = ("--tls-cert", str(certificate), "--tls-key", str(key))
    with serving(tmp_path / "data", options=options) as served:
        assert served.url.startswith("https://")
        headers = {"Authorization": f"Bearer {served.key}"}
        trusting = ssl.create_default_context(cafile=certificate)
        with httpx2.Client(base_url=served.url, headers=headers, verify=trusting, timeout=60) as api:
            payload = noise(3 * MIB)
            upload = create(api, len(payload))["id"]
            part = good(api.post(f"/uploads/{upload}/parts", files={"data": payload}))["id"]
            file = completed(api, upload, part)
            assert api.get(f"/files/{file}/content").content == payload
