"""The application as a whole: paths and methods, keys, limits, documentation."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.conftest import KEY, NOW, Service, Start, error_of

UPLOAD, FILE = "upload_" + "0" * 22, "file-" + "0" * 22

ALLOWED = {
    "/v1/uploads": "GET, POST",
    f"/v1/uploads/{UPLOAD}": "GET",
    f"/v1/uploads/{UPLOAD}/parts": "GET, POST",
    f"/v1/uploads/{UPLOAD}/complete": "POST",
    f"/v1/uploads/{UPLOAD}/cancel": "POST",
    "/v1/files": "GET, POST",
    f"/v1/files/{FILE}": "DELETE, GET",
    f"/v1/files/{FILE}/content": "GET, HEAD",
    "/healthz": "GET, HEAD",
    "/readyz": "GET, HEAD",
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


@pytest.mark.parametrize(("path", "allowed"), ALLOWED.items())
async def test_every_other_method_is_405_with_exactly_what_the_path_takes(
    service: Service, path: str, allowed: str
) -> None:
    taken = set(allowed.split(", "))
    for method in METHODS:
        answer = await service.client.request(method, path)
        if method in taken:
            assert answer.status_code != 405
            continue
        error = error_of(answer, 405)
        assert set(answer.headers["allow"].split(", ")) == taken
        assert method == "HEAD" or error["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    [
        "/", "/v1", "/v1/", "/v2/files", "/v1/upload", "/v1/files/", "/v1/uploads/", "/uploads", "/files",
        f"/v1/uploads/{UPLOAD}/part", f"/v1/files/{FILE}/content/", "/v1/files/a/b", "/V1/files",
        "//v1/files",
        "/v1/files/%2e%2e/%2e%2e/etc/passwd", "/docs/", "/redoc",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_unknown_paths_are_404_in_the_envelope(service: Service, path: str, method: str) -> None:
    answer = await service.client.request(method, path)
    error = error_of(answer, 404)
    assert error["code"] == "unknown_url" or "No such" in error["message"]


@pytest.mark.parametrize("name", ["%ff", "%00", "%0a", "..", "a b", "日本語", "'; DROP TABLE files; --"])
async def test_hostile_ids_are_simply_unknown(service: Service, name: str) -> None:
    for method, path in (
        ("GET", f"/v1/files/{name}"),
        ("GET", f"/v1/files/{name}/content"),
        ("DELETE", f"/v1/files/{name}"),
        ("GET", f"/v1/uploads/{name}"),
        ("POST", f"/v1/uploads/{name}/cancel"),
    ):
        answer = await service.client.request(method, path)
        assert answer.status_code in (404, 405), answer.text


async def test_an_unknown_file_and_an_unknown_upload_are_worded_as_decided(service: Service) -> None:
    error = error_of(await service.client.get("/v1/files/file-none"), 404)
    assert error == {
        "message": "No such File object: file-none",
        "type": "invalid_request_error",
        "param": "id",
        "code": None,
    }
    error = error_of(await service.client.get("/v1/uploads/upload_none"), 404)
    assert error == {
        "message": "No such Upload object: upload_none",
        "type": "invalid_request_error",
        "param": "upload_id",
        "code": "upload_not_found",
    }


GUARDED = [
    ("GET", "/v1/files"), ("POST", "/v1/files"), ("GET", f"/v1/files/{FILE}"),
    ("DELETE", f"/v1/files/{FILE}"),
    ("GET", f"/v1/files/{FILE}/content"), ("HEAD", f"/v1/files/{FILE}/content"), ("GET", "/v1/uploads"),
    ("POST", "/v1/uploads"), ("GET", f"/v1/uploads/{UPLOAD}"), ("GET", f"/v1/uploads/{UPLOAD}/parts"),
    ("POST", f"/v1/uploads/{UPLOAD}/parts"), ("POST", f"/v1/uploads/{UPLOAD}/complete"),
    ("POST", f"/v1/uploads/{UPLOAD}/cancel"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_no_operation_is_open_to_a_stranger(service: Service, method: str, path: str) -> None:
    answer = await service.stranger.request(method, path)
    error = error_of(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"
    if method == "HEAD":
        return
    assert error["message"].startswith("You didn't provide an API key.")
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", None, None)


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("Bearer hl-wrong-key-of-nobody-at-all", "hl-**********************-all"),
        ("Bearer short", "*****"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic dXNlcjpwYXNz", None),
        (KEY, None),
        (f"Token {KEY}", None),
    ],
)
async def test_a_wrong_key_is_refused_and_never_shown_whole(
    service: Service, header: str, shown: str | None
) -> None:
    answer = await service.stranger.get("/v1/files", headers={"Authorization": header})
    error = error_of(answer, 401)
    assert error["code"] == "invalid_api_key"
    if shown:
        assert shown in error["message"]
    assert header.removeprefix("Bearer ").strip() not in error["message"] or not shown


async def test_a_key_of_bytes_that_are_no_text_is_refused(service: Service) -> None:
    headers = {b"Authorization": b"Bearer \xff\xfe\xfd" + b"x" * 20}
    error_of(await service.stranger.get("/v1/files", headers=headers), 401)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_case_of_the_scheme_does_not_matter(service: Service, scheme: str) -> None:
    answer = await service.stranger.get("/v1/files", headers={"Authorization": f"{scheme}  {KEY} "})
    assert answer.status_code == 200


async def test_headers_of_other_clients_are_ignored(service: Service) -> None:
    headers = {
        "Cookie": "", "OpenAI-Organization": "org-x", "OpenAI-Project": "proj-x", "Accept": "image/png",
        "X-Stainless-Retry-Count": "x", "Idempotency-Key": "k",
    }  # fmt: skip
    assert (await service.client.get("/v1/files", headers=headers)).status_code == 200


async def test_without_auth_everyone_is_the_first_project(start: Start) -> None:
    async with start(auth="off", allowed_hosts=["test"]) as service:
        assert (await service.stranger.get("/v1/files")).status_code == 200
        await service.file()
        headers = {"Authorization": "Bearer nonsense"}
        assert len((await service.stranger.get("/v1/files", headers=headers)).json()["data"]) == 1


async def test_too_many_requests_are_429_with_a_time_to_wait(start: Start) -> None:
    async with start(rate_limit=2) as service:
        for _ in range(2):
            assert (await service.client.get("/v1/files")).status_code == 200
        answer = await service.client.get("/v1/files")
        error = error_of(answer, 429)
        assert (error["type"], error["code"]) == ("requests", "rate_limit_exceeded")
        assert 1 <= int(answer.headers["retry-after"]) <= 120
        assert (await service.client.get("/healthz")).status_code == 200


async def test_more_bodies_than_fit_are_503_with_a_time_to_wait(start: Start) -> None:
    async with start(max_bodies=1) as service:
        upload_id = await service.upload()
        inside, finish = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b"a"
            inside.set()
            await finish.wait()
            yield b"b"

        headers = {"Content-Type": "application/octet-stream"}
        path = f"/v1/uploads/{upload_id}/parts"
        first = asyncio.create_task(service.client.post(path, content=slow(), headers=headers))
        async with asyncio.timeout(60):
            await inside.wait()
        for answer in (
            await service.client.post(path, content=b"x", headers=headers),
            await service.client.post("/v1/files", files={"file": ("a", b"x")}, data={"purpose": "evals"}),
        ):
            assert error_of(answer, 503)["code"] == "overloaded"
            assert int(answer.headers["retry-after"]) >= 1
            assert "x-should-retry" not in answer.headers
        assert (await service.client.get("/v1/files")).status_code == 200
        finish.set()
        assert (await first).json()["bytes"] == 2
        assert (await service.client.post(path, content=b"x", headers=headers)).status_code == 200


async def test_bare_paths_answer_only_where_they_are_switched_on(start: Start) -> None:
    async with start(compatible_paths=True) as service:
        upload_id = await service.upload()
        assert (await service.client.get(f"/uploads/{upload_id}")).json()["id"] == upload_id
        assert (await service.client.get("/files")).status_code == 200
        answer = await service.client.put("/files")
        assert error_of(answer, 405)
        assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}
        paths = (await service.client.get("/openapi.json")).json()["paths"]
        assert "/v1/files" in paths
        assert "/files" not in paths


async def test_alive_and_ready_ask_for_no_key(service: Service) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await service.stranger.get(path)).json()["status"] == "ok"


async def test_an_upload_from_create_to_content(service: Service) -> None:
    upload_id = await service.upload(
        6, filename='näme "x".bin', expires_after={"anchor": "created_at", "seconds": 3600}
    )
    path = f"/v1/uploads/{upload_id}"
    form = await service.client.post(f"{path}/parts", files={"data": b"abc"})
    raw = await service.client.post(
        f"{path}/parts", content=b"def", headers={"Content-Type": "application/octet-stream"}
    )
    text = await service.client.post(
        f"{path}/parts",
        content=b'--b\r\nContent-Disposition: form-data; name="data"\r\n\r\nghi\r\n--b--\r\n',
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert [part.json()["bytes"] for part in (form, raw, text)] == [3, 3, 3]
    pending = (await service.client.get(path)).json()
    assert (pending["status"], pending["bytes_received"], pending["parts_count"]) == ("pending", 9, 3)
    assert "file" not in pending
    listed = [text.json()["id"], form.json()["id"]]
    done = (await service.client.post(f"{path}/complete", json={"part_ids": listed})).json()
    file = done["file"]
    assert (done["status"], file["status"], file["object"]) == ("completed", "processed", "file")
    assert file["expires_at"] == int(NOW) + 3600
    assert (await service.client.get(f"/v1/files/{file['id']}")).json() == file
    content = await service.client.get(f"/v1/files/{file['id']}/content")
    assert content.content == b"ghiabc"
    assert content.headers["content-length"] == "6"
    assert content.headers["x-content-type-options"] == "nosniff"
    assert content.headers["content-disposition"].startswith("attachment;")
    service.clock.advance(3600)
    assert (await service.client.get(f"/v1/files/{file['id']}/content")).status_code == 404


async def test_fields_without_a_value_are_left_out(service: Service) -> None:
    file_id, upload_id = await service.file(), await service.upload()
    for path in (f"/v1/files/{file_id}", f"/v1/uploads/{upload_id}"):
        document: dict[str, Any] = (await service.client.get(path)).json()
        assert None not in document.values()
