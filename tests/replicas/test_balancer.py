"""Through nginx as the page on operations sets it up: everything passes, nothing is collected or doubled."""

import hashlib
import http.client
import os
import ssl
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import httpx2
import openai
import psutil
import pytest

from tests.e2e.sockets import answer, connected, head
from tests.e2e.wire import add_file, begun, completed, content_of, create, eventually, good, refused, speaking
from tests.frozen import frozen
from tests.replicas.balancer import Balancer
from tests.replicas.site import Site
from tests.serving import KEY

pytestmark = pytest.mark.xdist_group("balancer")

MIB = 1024 * 1024
MOST = 64 * MIB


def test_the_largest_part_passes_encrypted_and_any_range_of_it_comes_back(balancer: Balancer) -> None:
    data = os.urandom(MIB) * 64
    trusting = ssl.create_default_context(cafile=str(balancer.certificate))
    with openai.OpenAI(
        base_url=balancer.tls_url, api_key=KEY, http_client=openai.DefaultHttpxClient(verify=trusting)
    ) as client:
        done = client.uploads.upload_file_chunked(
            file=data, filename="x.bin", bytes=MOST, mime_type="text/plain", purpose="user_data",
            md5=hashlib.md5(data).hexdigest(),
        )  # fmt: skip
        assert done.file is not None
        back = client.files.content(done.file.id).read()
    assert back == data
    with speaking(balancer.url, KEY) as api:
        path = f"/files/{done.file.id}/content"
        for first, last in ((0, 0), (5 * MIB - 3, 9 * MIB), (MOST - 7, MOST - 1)):
            found = api.get(path, headers={"Range": f"bytes={first}-{last}"})
            assert found.status_code == 206
            assert found.headers["content-range"] == f"bytes {first}-{last}/{MOST}"
            assert found.content == data[first : last + 1]
        assert api.head(path).headers["content-length"] == str(MOST)
        beyond = api.get(path, headers={"Range": f"bytes={MOST}-"})
        refused(beyond, 416, code="range_not_satisfiable", param="Range")
        good(api.delete(f"/files/{done.file.id}"))


def test_a_refusal_of_the_service_arrives_while_a_large_body_is_on_its_way(
    balancer: Balancer, api: httpx2.Client
) -> None:
    upload = create(api, MOST)["id"]
    body = {"files": {"data": ("piece", bytes(MOST + 1))}}
    refused(api.post(f"/uploads/{upload}/parts", **body), 413, code="part_too_large", param="data")
    with speaking(balancer.url, "hl-a-key-that-nobody-made") as stranger:
        found = stranger.post(f"/uploads/{upload}/parts", **body)
        refused(found, 401, code="invalid_api_key", param=None)
    assert good(api.get(f"/uploads/{upload}"))["parts_count"] == 0


def test_what_nginx_itself_refuses_comes_in_the_envelope(balancer: Balancer) -> None:
    size = 600 * MIB
    connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=60)
    try:
        connection.putrequest("POST", "/v1/files")
        connection.putheader("Content-Length", str(size))
        connection.endheaders(bytes(MIB))
        raw = connection.getresponse()
        found = httpx2.Response(raw.status, headers=raw.getheaders(), content=raw.read())
    finally:
        connection.close()
    refused(found, 413, code="body_too_large", param=None, says="POST /v1/uploads")
    assert found.headers["x-request-id"].startswith("req_")


def test_slow_clients_are_waited_for_while_others_are_served(balancer: Balancer, api: httpx2.Client) -> None:
    pieces = [os.urandom(64 * 1024) for _ in range(32)]
    whole = b"".join(pieces)
    upload = create(api, len(whole))["id"]
    file = add_file(api, whole)["id"]
    with connected(balancer.port) as sending, connected(balancer.port) as receiving:
        sending.sendall(
            head("POST", f"/v1/uploads/{upload}/parts", KEY, Content_Type="application/octet-stream",
                 Content_Length=len(whole))
        )  # fmt: skip
        receiving.sendall(head("GET", f"/v1/files/{file}/content", KEY, Connection="close"))
        received = bytearray()
        for piece in pieces:
            sending.sendall(piece)
            received += receiving.recv(64 * 1024)
            good(api.get(f"/uploads/{upload}"))
        part = good(answer(sending, "POST"))["id"]
        while more := receiving.recv(MIB):
            received += more
    assert received.endswith(b"\r\n\r\n" + whole)
    done = good(api.post(f"/uploads/{upload}/complete", json={"part_ids": [part]}))
    assert content_of(api, done["file"]["id"]) == whole


def test_a_client_that_waits_for_leave_to_send_gets_it(balancer: Balancer, api: httpx2.Client) -> None:
    upload = create(api, 3)["id"]
    with connected(balancer.port) as connection:
        connection.sendall(
            head("POST", f"/v1/uploads/{upload}/parts", KEY, Content_Type="application/octet-stream",
                 Content_Length=3, Expect="100-continue")
        )  # fmt: skip
        leave = connection.recv(4096)
        assert leave.startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"abc")
        assert good(answer(connection, "POST"))["bytes"] == 3
    good(api.post(f"/uploads/{upload}/cancel"))


def test_connections_are_kept_and_requests_can_be_found_in_both_logs(
    site: Site, balancer: Balancer, api: httpx2.Client
) -> None:
    answers = [api.get("/files?limit=1") for _ in range(30)]
    assert sum(balancer.behind(site.ports).values()) <= 6  # one for each server in each of two workers
    for found in answers[-3:]:
        wanted = found.headers["x-request-id"]
        eventually(lambda wanted=wanted: any(line.endswith(wanted) for line in balancer.requests))
        [line] = [line for line in balancer.requests if line.endswith(wanted)]
        assert " GET /v1/files 200 " in line
        [port] = [port for port in site.ports if f" 127.0.0.1:{port} 200 " in line]
        eventually(lambda port=port, wanted=wanted: any(wanted in said for said in site.at(port).lines))


def test_what_was_on_its_way_to_a_server_that_dies_is_repeated_only_where_that_does_no_harm(
    site: Site, balancer: Balancer, api: httpx2.Client
) -> None:
    """One server is frozen, so that what it was sent is known to be unanswered; then it dies."""
    uploads = [begun(api, b"abc", b"%d" % number) for number in range(3)]
    kept = completed(api, b"kept")["file"]["id"]
    dying = site.replicas[0]
    stories: dict[str, Callable[[int], httpx2.Response]] = {
        "read": lambda _: api.get(f"/files/{kept}/content"),
        "complete": lambda n: api.post(
            f"/uploads/{uploads[n][0]}/complete", json={"part_ids": uploads[n][1]}
        ),
        "create": lambda _: httpx2.post(
            f"{balancer.url}/files",
            files={"file": b"x"},
            data={"purpose": "user_data"},
            headers=api.headers,
            timeout=60,
        ),
    }
    files = len(good(api.get("/files"))["data"])
    with ThreadPoolExecutor(9) as pool:
        with frozen(dying.process.pid):
            stuck = {name: _only_pending(pool, story) for name, story in stories.items()}
            dying.kill()
        found = {name: one.result(60) for name, one in stuck.items()}
    assert found["read"].content == b"kept"
    assert good(found["complete"])["status"] == "completed"
    lost = found["create"]
    assert (lost.status_code, lost.headers["retry-after"]) == (502, "2")
    assert lost.json()["error"]["code"] == "unreachable"
    for upload, parts in uploads:
        good(api.post(f"/uploads/{upload}/complete", json={"part_ids": parts}))
    assert len(good(api.get("/files"))["data"]) == files + 3 + 2
    site.start_again(dying)


def _only_pending(
    pool: ThreadPoolExecutor, story: Callable[[int], httpx2.Response]
) -> Future[httpx2.Response]:
    """Three requests, of which each server is sent one. The one that stays without an answer."""
    waiting = {pool.submit(story, number) for number in range(3)}
    while len(waiting) > 1:
        done, waiting = wait(waiting, timeout=60, return_when=FIRST_COMPLETED)
        assert done
        assert [one.result().status_code for one in done] == [200] * len(done)
    [pending] = waiting
    return pending


def test_a_server_that_is_gone_is_not_noticed_by_clients(
    site: Site, balancer: Balancer, api: httpx2.Client
) -> None:
    gone = site.replicas[0]
    gone.stop()
    assert not psutil.pid_exists(gone.pid)
    for number in range(6):
        done = completed(api, b"%d" % number)
        assert content_of(api, done["file"]["id"]) == b"%d" % number
    assert {line.split()[3] for line in balancer.requests} == {"200"}
    again = site.start_again(gone)
    eventually(lambda: good(api.get("/files?limit=1")) and any('"request"' in line for line in again.lines))
