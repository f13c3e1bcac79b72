"""What a request's head settles alone: codings, slashes in names, endless queries, other clients' paths."""

from typing import Any

import pytest

from heavylift.api.screen import path_of
from tests.api.conftest import KEY, Service, Start, error_of
from tests.api.connections import Serve, part_head, stored_file


@pytest.mark.parametrize("coding", ["gzip", "br", "aws-chunked", "identity, gzip", "x" * 5000])
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/uploads", "application/json"),
        ("/v1/uploads/{upload}/parts", "application/octet-stream"),
        ("/v1/uploads/{upload}/parts", "multipart/form-data; boundary=b"),
        ("/v1/uploads/{upload}/complete", "application/json"),
        ("/v1/files", "multipart/form-data; boundary=b"),
    ],
)
async def test_a_coded_body_is_415_and_nothing_of_it_is_kept(
    service: Service, path: str, kind: str, coding: str
) -> None:
    upload = await service.upload()
    answer = await service.client.post(
        path.format(upload=upload), content=b"abc", headers={"Content-Encoding": coding, "Content-Type": kind}
    )
    error = error_of(answer, 415)
    assert (error["code"], error["param"]) == ("unsupported_encoding", "Content-Encoding")
    assert answer.headers["accept-encoding"] == "identity"
    assert len(error["message"]) < 300
    assert (await service.client.get(f"/v1/uploads/{upload}")).json()["parts_count"] == 0


@pytest.mark.parametrize("coding", ["identity", "", " Identity "])
async def test_a_body_that_says_it_is_not_coded_is_taken(service: Service, coding: str) -> None:
    upload = await service.upload()
    answer = await service.client.post(
        f"/v1/uploads/{upload}/parts",
        content=b"abc",
        headers={"Content-Encoding": coding, "Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == 200


async def test_an_encoded_slash_parts_nothing(service: Service) -> None:
    file = await service.file()
    assert (await service.client.get(f"/v1/files/{file}/content")).status_code == 200
    for path in (f"/v1/files/{file}%2Fcontent", f"/v1/files%2f{file}", f"/v1%2Ffiles/{file}"):
        error_of(await service.client.get(path), 404)
    error = error_of(await service.client.get(f"/v1/files/{file}%2Fcontent"), 404)
    assert error["param"] == "id"


async def test_a_query_of_very_many_parameters_is_refused(service: Service) -> None:
    assert (await service.client.get("/v1/files?" + "&".join(["a=1"] * 100))).status_code == 200
    for path in ("/v1/files", "/v1/uploads/upload_x/parts", "/healthz"):
        error = error_of(await service.client.get(f"{path}?" + "&".join(["a=1"] * 101)), 400)
        assert "100" in error["message"]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/uploads", "/v1/uploads"), ("/openai/uploads/x/parts", "/v1/uploads/x/parts"),
        ("/openai/v1/files", "/v1/files"), ("/v1/files/x", "/v1/files/x"),
        ("/openai/healthz", "/openai/healthz"), ("/v1/v1/files", "/v1/v1/files"),
        ("/filesystem", "/filesystem"),
    ],
)  # fmt: skip
def test_paths_of_other_clients_mean_ours_where_that_is_switched_on(path: str, meant: str) -> None:
    scope: Any = {"path": path, "raw_path": path.encode()}
    assert path_of(scope, compatible=True) == meant
    assert path_of(scope, compatible=False) == path


async def test_the_header_of_azures_clients_opens_where_that_is_switched_on(start: Start) -> None:
    for name, other in (("api-key", "HEAVYLIFT_COMPATIBLE_PATHS"), ("x-api-key", "x-api-key")):
        async with start() as service:
            error = error_of(await service.stranger.get("/v1/files", headers={name: KEY}), 401)
            assert name in error["message"]
            assert other in error["message"]
            assert KEY not in error["message"]
    async with start(compatible_paths=True) as service:
        for path in ("/openai/files?api-version=2024-10-21", "/v1/files"):
            assert (await service.stranger.get(path, headers={"api-key": KEY})).status_code == 200
        error_of(await service.stranger.get("/openai/files", headers={"api-key": "wrong" * 8}), 401)
        error_of(await service.stranger.get("/openai/files", headers={"api-key": " "}), 401)


async def test_over_a_socket_it_is_the_same(serve: Serve) -> None:
    async with serve(compatible_paths=True) as connected:
        part = await part_head(connected, Content_Encoding="gzip", Content_Length="3")
        file = await stored_file(connected, b"hello")
        slashed = file.replace(b"/content", b"%2fcontent")
        many = file.replace(b"/content", b"/content?" + b"&" * 101)
        compatible = file.replace(b"/v1/", b"/openai/")
        keyed = file.replace(b"Authorization: Bearer", b"api-key:")
        for request, status in (
            (part + b"\r\nabc", 415), (slashed + b"\r\n", 404), (many + b"\r\n", 400),
            (compatible + b"\r\n", 200), (keyed + b"\r\n", 200), (file + b"\r\n", 200),
        ):  # fmt: skip
            async with connected() as client:
                await client.send(request)
                assert (await client.answer())[0] == status, request
