"""What a project may open and hold, as its clients hear of it."""

import httpx2

from tests.api.conftest import Service, Start, error_of


async def part(service: Service, upload: str, size: int) -> httpx2.Response:
    return await service.client.post(
        f"/v1/uploads/{upload}/parts",
        content=bytes(size),
        headers={"Content-Type": "application/octet-stream"},
    )


async def test_one_upload_too_many_is_refused_until_one_is_closed(start: Start) -> None:
    async with start(max_open_uploads=2) as service:
        first, _ = [await service.upload() for _ in range(2)]
        body = {"filename": "a.bin", "purpose": "user_data", "bytes": 3, "mime_type": "x/y"}
        error = error_of(await service.client.post("/v1/uploads", json=body), 400)
        assert error["code"] == "too_many_uploads"
        assert "Complete or cancel" in error["message"]
        await service.client.post(f"/v1/uploads/{first}/cancel")
        await service.upload()


async def test_a_full_project_hears_it_before_its_bytes_are_taken_and_keeps_none(start: Start) -> None:
    async with start(max_project_bytes=10) as service:
        await service.file(bytes(4))
        first, second = [await service.upload(100) for _ in range(2)]
        assert (await part(service, first, 6)).status_code == 200
        for upload in (first, second):
            error = error_of(await part(service, upload, 1), 400)
            assert error["code"] == "project_full"
            assert "Delete Files" in error["message"]
        answer = await service.client.post(
            "/v1/files", data={"purpose": "user_data"}, files={"file": ("a", b"x")}
        )
        assert error_of(answer, 400)["code"] == "project_full"
        assert (await service.client.get(f"/v1/uploads/{first}")).json()["bytes_received"] == 6
        await service.client.post(f"/v1/uploads/{first}/cancel")
        assert (await part(service, second, 6)).status_code == 200
