"""Conformance cases 109 to 120: keys, transport, headers."""

import re
from contextlib import ExitStack
from pathlib import Path

import httpx2
import openai
import pytest

from tests.e2e.conftest import Project
from tests.e2e.sockets import answer, ask, connected, head, part_under_way
from tests.e2e.wire import (
    add_file,
    add_part,
    begun,
    completed,
    content_of,
    create,
    description,
    eventually,
    good,
    refused,
    send_complete,
    send_part,
    speaking,
)
from tests.installations import ENDS
from tests.serving import Served, serving

pytestmark = pytest.mark.stores(*ENDS)

ROUTES = (
    ("POST", "/uploads"), ("GET", "/uploads"), ("GET", "/uploads/upload_x"),
    ("POST", "/uploads/upload_x/parts"), ("GET", "/uploads/upload_x/parts"),
    ("POST", "/uploads/upload_x/complete"), ("POST", "/uploads/upload_x/cancel"),
    ("POST", "/files"), ("GET", "/files"), ("GET", "/files/file-x"), ("DELETE", "/files/file-x"),
    ("GET", "/files/file-x/content"),
)  # fmt: skip
"""Every operation of a project."""


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_case_109_without_a_key_every_route_is_closed(server: Served, method: str, path: str) -> None:
    with speaking(server.url, None) as nobody:
        found = nobody.request(method, path)
        refused(found, 401, code=None, param=None, says="You didn't provide an API key.")
        assert found.headers["www-authenticate"] == "Bearer"
        known = nobody.head("/files/file-x/content")
        assert (known.status_code, known.content) == (401, b"")


@pytest.mark.parametrize("key", ["hl-wrong-key-that-nobody-made", "x", "hl-ünïcode-key-of-some-length"])
def test_case_110_a_wrong_key_is_refused_and_never_echoed_whole(server: Served, key: str) -> None:
    with speaking(server.url, None) as nobody:
        found = nobody.get("/files", headers={"Authorization": f"Bearer {key}".encode()})
        message = refused(found, 401, code="invalid_api_key", param=None, says="Incorrect API key provided: ")
    shown = message.removeprefix("Incorrect API key provided: ").partition(".")[0]
    assert key not in message
    assert re.fullmatch(r"(hl-\*+.{4}|\*+)", shown)
    assert len(key) < 2 or not any(key in line for line in server.lines)


@pytest.mark.parametrize("header", ["Basic dXNlcjpwdw==", "Bearer", "Bearer ", "hl-key-without-a-scheme"])
def test_case_110_another_scheme_or_no_key_behind_it_is_refused(server: Served, header: str) -> None:
    found = ask(server.port, head("GET", "/v1/files", Authorization=header))
    refused(found, 401, code="invalid_api_key", param=None, says="Bearer YOUR_KEY")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_case_111_the_scheme_may_be_in_any_case(server: Served, scheme: str) -> None:
    with speaking(server.url, None) as client:
        good(client.get("/files?limit=1", headers={"Authorization": f"{scheme} {server.key}"}))


def test_case_112_what_belongs_to_another_project_does_not_exist(
    server: Served, api: httpx2.Client, new_project: Project
) -> None:
    upload, parts = begun(api, b"abc")
    file = add_file(api)["id"]
    unknown = {"upload": "upload_" + "0" * 22, "file": "file-" + "0" * 22}
    with speaking(server.url, new_project()) as other:
        for method, path in ROUTES:
            for kind, mine in (("upload", upload), ("file", file)):
                place = f"/{kind}s/{'upload_x' if kind == 'upload' else 'file-x'}"
                if not path.startswith(place):
                    continue
                answers = [
                    other.request(method, path.replace(place, f"/{kind}s/{found}"), **_body(path))
                    for found in (mine, unknown[kind])
                ]
                assert [one.status_code for one in answers] == [404, 404]
                theirs, none = answers
                assert theirs.text.replace(mine, "") == none.text.replace(unknown[kind], "")
                assert set(theirs.headers) == set(none.headers)
        own = create(other, 3)["id"]
        found = send_complete(other, own, parts)
        refused(found, 400, code="part_not_found", param="part_ids")
        assert good(other.get("/files"))["data"] == []
        assert [one["id"] for one in good(other.get("/uploads"))["data"]] == [own]
    assert content_of(api, file) == b"posted"
    good(send_complete(api, upload, parts))


def _body(path: str) -> dict[str, object]:
    if path.endswith("/complete"):
        return {"json": {"part_ids": ["part_x"]}}
    return {"files": {"data": b"abc"}} if path.endswith("/parts") else {}


def test_case_113_organisation_and_project_headers_are_ignored(api: httpx2.Client) -> None:
    headers = {"OpenAI-Organization": "org-unknown", "OpenAI-Project": "proj_unknown"}
    assert good(api.post("/uploads", json=description(3), headers=headers))["status"] == "pending"


def test_case_114_every_answer_has_its_own_id_its_time_and_a_type(server: Served) -> None:
    seen = set()
    with speaking(server.url, server.key) as api:
        answers = [api.request(method, path) for method, path in ROUTES for _ in range(2)]
        answers += [api.get("/nowhere"), api.put("/files"), api.get(server.root + "/healthz")]
        answers += [api.get(server.root + "/openapi.json"), api.get(server.root + "/readyz")]
    answers.append(ask(server.port, b"NOT HTTP AT ALL\r\n\r\n"))
    answers.append(ask(server.port, head("GET", "/v1/files", X="y" * 70_000)[:-4]))
    for found in answers:
        assert found.headers["x-request-id"] not in seen
        seen.add(found.headers["x-request-id"])
        assert found.headers["openai-processing-ms"].isdigit()
        assert found.headers["content-type"] == "application/json"
        if found.status_code != 200:
            assert set(found.json()["error"]) == {"message", "type", "param", "code"}
    assert [found.status_code for found in answers[-2:]] == [400, 431]


def test_case_115_an_unknown_path_is_a_404_in_the_envelope(server: Served, api: httpx2.Client) -> None:
    for path in ("/nowhere", "/uploads/upload_x/party", "/files/file-x/content/more", "/uploads/", "//files"):
        refused(api.get(path), 404, code="unknown_url", param=None, says="Invalid URL (GET ")
    for path in ("/", "/v2/files", "/files"):
        refused(api.get(server.root + path), 404, code="unknown_url", param=None)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/files", "GET, POST"),
        ("DELETE", "/uploads", "GET, POST"),
        ("GET", "/uploads/upload_x/complete", "POST"),
        ("PATCH", "/files/file-x", "DELETE, GET"),
        ("POST", "/files/file-x/content", "GET, HEAD"),
        ("TRACE", "/uploads/upload_x/parts", "GET, POST"),
        ("BREW", "/uploads/upload_x", "GET"),
    ],
)
def test_case_115_a_wrong_method_is_a_405_that_names_the_right_ones(
    api: httpx2.Client, server: Served, method: str, path: str, allowed: str
) -> None:
    if method == "BREW":  # one that the parser does not know
        refused(ask(server.port, head(method, f"/v1{path}")), 400, code="malformed_request", param=None)
        return
    found = api.request(method, path)
    refused(found, 405, code="method_not_allowed", param=None, says=f"This path takes {allowed}.")
    assert found.headers["allow"] == allowed


def test_case_116_beyond_the_rate_limit_there_is_a_429_that_says_when(tmp_path: Path) -> None:
    with (
        serving(tmp_path, env={"HEAVYLIFT_RATE_LIMIT": "4"}) as served,
        speaking(served.url, served.key) as api,
    ):
        for _ in range(4):
            good(api.get("/files"))
        found = api.get("/files")
        refused(found, 429, code="rate_limit_exceeded", param=None, says="4 requests a minute")
        assert 1 <= int(found.headers["retry-after"]) <= 60
        good(api.get(served.root + "/healthz"))


def test_case_117_beyond_the_bodies_it_takes_at_once_the_server_says_503(tmp_path: Path) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(serving(tmp_path, env={"HEAVYLIFT_MAX_BODIES": "2"}))
        api = stack.enter_context(speaking(served.url, served.key))
        upload = create(api, 12)["id"]
        running = [
            stack.enter_context(part_under_way(served.port, served.key, upload, b"abc", b"def"))
            for _ in range(2)
        ]
        for found in (send_part(api, upload, b"x"), api.post("/files")):
            refused(found, 503, code="overloaded", param=None, says="2 bodies")
            assert int(found.headers["retry-after"]) >= 1
        create(api, 5)
        for connection in running:
            connection.sendall(b"def")
            assert answer(connection).status_code == 200
        add_part(api, upload, b"x")


def test_case_118_a_final_refusal_is_not_tried_again_by_openai_python(
    api: httpx2.Client, server: Served
) -> None:
    cancelled = good(api.post(f"/uploads/{create(api, 3)['id']}/cancel"))["id"]
    done = completed(api, b"abc")["id"]
    with openai.OpenAI(base_url=server.url, api_key=server.key, max_retries=2) as client:
        with pytest.raises(openai.BadRequestError) as refusal:
            client.uploads.parts.create(cancelled, data=b"abc")
        assert refusal.value.code == "upload_cancelled"
        with pytest.raises(openai.BadRequestError):
            client.uploads.complete(cancelled, part_ids=["part_x"])
        with pytest.raises(openai.BadRequestError) as refusal:
            client.uploads.cancel(done)
        assert refusal.value.code == "upload_completed"
        with pytest.raises(openai.NotFoundError):
            client.uploads.cancel("upload_of_nobody")
    marker = create(api, 1)["id"]
    api.get(f"/uploads/{marker}")
    eventually(lambda: any(marker in line for line in server.lines))
    for path in (f"{cancelled}/parts", f"{cancelled}/complete", f"{done}/cancel", "upload_of_nobody/cancel"):
        attempts = sum(one["path"] == f"/v1/uploads/{path}" for one in server.told("request"))
        assert attempts == 1, path


def test_case_119_needless_headers_and_queries_are_ignored(server: Served) -> None:
    head_of = head(
        "GET", "/v1/files?limit=1&unknown=1&limitless", server.key, cookie="", X_Stainless_Whatever="yes",
        X_Stainless_Retry_Count="two", Accept="text/html",
    )  # fmt: skip
    found = ask(server.port, head_of)
    assert good(found)["object"] == "list"


def test_case_120_paths_without_the_prefix_work_if_they_are_switched_on(
    small: Served, server: Served, api: httpx2.Client
) -> None:
    with speaking(small.root, small.key) as bare:
        upload, parts = begun(bare, b"abc")
        assert good(send_complete(bare, upload, parts))["status"] == "completed"
        assert good(bare.get("/v1/files"))["object"] == "list"
    refused(api.get(server.root + "/files"), 404, code="unknown_url", param=None)


def test_a_connection_serves_one_request_after_another(server: Served) -> None:
    with connected(server.port) as connection:
        for _ in range(3):
            connection.sendall(head("GET", "/v1/files?limit=1", server.key))
            assert good(answer(connection))["object"] == "list"
