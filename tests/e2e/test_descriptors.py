"""A process that has no file descriptor left: it refuses with 503, keeps nothing, and recovers by itself."""

import json
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.e2e.sockets import FORM, answer, ask, connected, form, head
from tests.e2e.wire import add_file, begun, content_of, create, description, eventually, good, speaking
from tests.serving import KEY, Served, serving

BIG = bytes(300_000)
POSTED = form(('name="purpose"', b"user_data"), ('name="file"; filename="f.txt"', BIG))
RAW = {"Content_Type": "application/octet-stream"}

STANDARD = 3
"""Descriptors that every process has. With this limit there is no other for anything."""


@contextmanager
def limited(served: Served, descriptors: int) -> Iterator[None]:
    """The server's process may open no descriptor of that number or a greater one."""
    process = psutil.Process(served.pid)
    before = process.rlimit(psutil.RLIMIT_NOFILE)
    process.rlimit(psutil.RLIMIT_NOFILE, (descriptors, before[1]))
    try:
        yield
    finally:
        process.rlimit(psutil.RLIMIT_NOFILE, before)


def requests(upload: str, file: str) -> dict[str, bytes]:
    """Requests that take a descriptor more than their connection's."""
    parts = f"/v1/uploads/{upload}/parts"
    return {
        "a Part": head("POST", parts, KEY, Content_Length=len(BIG), **RAW) + BIG,
        "a small Part": head("POST", parts, KEY, Content_Length=3, **RAW) + b"abc",
        "a file": head("POST", "/v1/files", KEY, Content_Type=FORM, Content_Length=len(POSTED)) + POSTED,
        "a download": head("GET", f"/v1/files/{file}/content", KEY),
        "a look": head("GET", "/readyz"),
        "the documentation": head("GET", "/static-offline-docs/swagger-ui.css"),
    }


@pytest.mark.parametrize("lane", ["true", "false"])
def test_without_a_descriptor_every_request_is_a_503_and_with_one_it_works_again(
    tmp_path: Path, lane: str
) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(serving(tmp_path, env={"HEAVYLIFT_LANE": lane}))
        api = stack.enter_context(speaking(served.url, served.key))
        file, upload = add_file(api, BIG)["id"], create(api, 600_000)["id"]
        blobs = set(served.blobs())
        asked = requests(upload, file)
        lines = {name: stack.enter_context(connected(served.port)) for name in asked}
        for line in lines.values():
            line.sendall(head("GET", "/healthz"))
            answer(line)
        with limited(served, STANDARD):
            for name, request in asked.items():
                lines[name].sendall(request)
                found = answer(lines[name])
                assert (name, found.status_code) == (name, 503), found.text
                assert int(found.headers["retry-after"]) >= 1
                error = found.json()["error"]
                assert error["code"] in {"overloaded", "storage_unavailable"}
                assert error["type"] == "server_error"
            assert set(served.blobs()) == blobs
            assert good(api.get(f"/uploads/{upload}"))["parts_count"] == 0  # what needs none goes on
        look, line = asked.pop("a look"), lines["a look"]
        eventually(lambda: _status(line, look) == 200)  # which goes by what it found a second ago
        for name, request in asked.items():
            assert (name, _status(lines[name], request)) == (name, 200)
        assert content_of(api, file) == BIG
        assert good(api.get(f"/uploads/{upload}"))["parts_count"] == 2
        assert not any('"request.failed"' in line for line in served.lines)


def test_a_client_that_waits_for_leave_hears_503_instead(tmp_path: Path) -> None:
    with serving(tmp_path) as served, speaking(served.url, served.key) as api:
        upload = create(api, len(BIG))["id"]
        request = head(
            "POST", f"/v1/uploads/{upload}/parts", KEY,
            Content_Length=len(BIG), Expect="100-continue", **RAW,
        )  # fmt: skip
        with connected(served.port) as line:
            line.sendall(head("GET", "/healthz"))
            answer(line)
            with limited(served, STANDARD):
                line.sendall(request)
                found = answer(line)
        assert (found.status_code, found.headers["connection"]) == (503, "close")
        assert served.blobs() == []


def test_reads_that_come_before_any_other_survive_it_too(tmp_path: Path) -> None:
    with serving(tmp_path) as served, connected(served.port) as line:
        line.sendall(head("GET", "/healthz"))
        answer(line)
        with limited(served, STANDARD):
            line.sendall(head("GET", "/v1/files", KEY))
            assert answer(line).status_code in {200, 503}
        line.sendall(head("GET", "/v1/files", KEY))
        assert answer(line).status_code == 200


def test_connections_beyond_the_limit_cost_those_within_it_nothing(tmp_path: Path) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(serving(tmp_path))
        with speaking(served.url, served.key) as api:
            begun(api, b"abc")
        used = max(int(name) for name in os.listdir(f"/proc/{served.pid}/fd"))
        with limited(served, used + 9):
            lines = [stack.enter_context(connected(served.port)) for _ in range(40)]
            inside = lines[0]
            assert _answered(inside)
            inside.sendall(head("GET", "/v1/files", KEY))
            assert answer(inside).status_code == 200
            for line in lines:
                line.close()
            eventually(lambda: _can_connect(served))
        body = json.dumps(description(3)).encode()
        found = ask(served.port, head("POST", "/v1/uploads", KEY, Content_Length=len(body)), body)
        assert good(found)["status"] == "pending"


def _status(line: socket.socket, request: bytes) -> int:
    line.sendall(request)
    return answer(line).status_code


def _answered(line: socket.socket) -> bool:
    """Whether the server answers on that connection, or else has closed it."""
    try:
        return _status(line, head("GET", "/healthz")) == 200
    except ConnectionError:
        return False


def _can_connect(served: Served) -> bool:
    with connected(served.port) as line:
        return _answered(line)


def test_a_server_takes_all_the_descriptors_that_it_may_have(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))  # which the server inherits
    try:
        with serving(tmp_path) as served:
            taken, most = psutil.Process(served.pid).rlimit(psutil.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert most == hard
    assert taken == (65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536))
