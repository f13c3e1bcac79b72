"""The query of lists: limit, order, after, filters; followed to the end."""

import pytest

from tests.api.conftest import Service, error_of

LISTS = ["/v1/files", "/v1/uploads"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "limit", ["0", "10001", "-1", "abc", "1.0", "1e3", " 5", "+5", "٣", "9" * 5000, "0x5", "5\x00", "5_0"]
)
async def test_a_limit_outside_its_range_is_refused_in_openais_words(
    service: Service, path: str, limit: str
) -> None:
    error = error_of(await service.client.get(path, params={"limit": limit}), 400)
    assert error["message"] == "limit must be between 1 and 10000."
    assert error["param"] == "limit"


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["1", "10000", "007"])
async def test_a_limit_within_its_range_is_fine(service: Service, path: str, limit: str) -> None:
    answer = await service.client.get(path, params={"limit": limit})
    assert answer.json() == {
        "object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False,
    }  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("order", ["ASC", "newest", "asc ", "x" * 5000])
async def test_another_order_is_refused_with_those_there_are(service: Service, path: str, order: str) -> None:
    error = error_of(await service.client.get(path, params={"order": order}), 400)
    assert error["param"] == "order"
    assert "'asc', 'desc'" in error["message"]
    assert len(error["message"]) < 300


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("after", ["x", "file-", "part_" + "0" * 22, "upload_x\n", "x" * 5000, "\x00"])
async def test_an_after_that_is_no_id_is_a_resource_not_found(
    service: Service, path: str, after: str
) -> None:
    error = error_of(await service.client.get(path, params={"after": after}), 404)
    assert (error["param"], error["code"]) == ("after", None)
    assert error["message"].startswith("Resource not found. `after` must be")


async def test_an_unknown_status_is_refused_and_each_known_one_is_a_filter(service: Service) -> None:
    error = error_of(await service.client.get("/v1/uploads?status=done"), 400)
    assert error["param"] == "status"
    assert "'pending', 'completed', 'cancelled', 'expired'" in error["message"]
    upload_id = await service.upload()
    for status in ("pending", "completed", "cancelled", "expired"):
        data = (await service.client.get("/v1/uploads", params={"status": status})).json()["data"]
        assert [one["id"] for one in data] == ([upload_id] if status == "pending" else [])


async def test_an_unknown_purpose_is_an_empty_list(service: Service) -> None:
    await service.file()
    for purpose in ("nonsense", "\x00", "batch"):
        answer = await service.client.get("/v1/files", params={"purpose": purpose})
        assert answer.json()["data"] == []
    assert len((await service.client.get("/v1/files?purpose=user_data")).json()["data"]) == 1


async def test_unknown_query_keys_are_ignored(service: Service) -> None:
    assert (await service.client.get("/v1/files?before=x&foo=bar&limit=5")).status_code == 200


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
async def test_pages_followed_by_after_give_everything_once(service: Service, order: str, limit: int) -> None:
    made = [await service.file() for _ in range(5)]  # all within one second
    seen: list[str] = []
    query = {"order": order, "limit": str(limit)}
    more = True
    while more:
        page = (await service.client.get("/v1/files", params=query)).json()
        ids = [file["id"] for file in page["data"]]
        assert (page["first_id"], page["last_id"]) == (ids[0], ids[-1])
        assert len(ids) <= limit
        seen += ids
        more, query["after"] = page["has_more"], ids[-1]
    assert seen == sorted(made, reverse=order == "desc")


async def test_the_cursor_of_a_deleted_file_still_names_a_position(service: Service) -> None:
    made = sorted([await service.file() for _ in range(3)])
    await service.client.delete(f"/v1/files/{made[1]}")
    page = (await service.client.get("/v1/files", params={"after": made[1], "order": "asc"})).json()
    assert [file["id"] for file in page["data"]] == [made[2]]


async def test_parts_are_paged_like_the_rest(service: Service) -> None:
    upload_id = await service.upload()
    made = []
    for _ in range(3):
        answer = await service.client.post(f"/v1/uploads/{upload_id}/parts", files={"data": b"a"})
        made.append(answer.json()["id"])
    path = f"/v1/uploads/{upload_id}/parts"
    first = (await service.client.get(path, params={"limit": 2})).json()
    assert first["has_more"] is True
    rest = (await service.client.get(path, params={"limit": 2, "after": first["last_id"]})).json()
    assert rest["has_more"] is False
    assert [part["id"] for part in first["data"] + rest["data"]] == sorted(made, reverse=True)
    assert error_of(await service.client.get(path, params={"after": upload_id}), 404)["param"] == "after"
    assert error_of(await service.client.get(path, params={"limit": "x"}), 400)["param"] == "limit"


async def test_an_empty_value_says_as_much_as_none(service: Service) -> None:
    await service.file()
    await service.upload()
    for path, query in (
        ("/v1/files", "limit=&order=&after=&purpose="),
        ("/v1/uploads", "limit=&order=&after=&status="),
    ):
        answer = await service.client.get(f"{path}?{query}")
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["data"]) == 1
