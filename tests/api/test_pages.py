"""A service that asks for no key is not a tool of whatever web page its operator opens."""

from collections.abc import Mapping

import pytest

from heavylift.api.pages import name_of
from tests.api.conftest import Start

CREATE = '{"filename": "a.bin", "purpose": "user_data", "bytes": 1, "mime_type": "text/plain"}'

FOREIGN: dict[str, tuple[Mapping[str, str], str]] = {
    "a simple POST of any page": ({"origin": "https://evil.example"}, "Origin"),
    "a page of another port": ({"origin": "http://localhost:3000", "sec-fetch-site": "same-site"}, "Origin"),
    "a page without an origin": ({"origin": "null", "sec-fetch-site": "cross-site"}, "Origin"),
    "a form or an image": ({"sec-fetch-site": "cross-site"}, "Sec-Fetch-Site"),
    "an image of another port": ({"sec-fetch-site": "same-site"}, "Sec-Fetch-Site"),
}

OWN: dict[str, Mapping[str, str]] = {
    "no browser": {},
    "our own page": {"origin": "http://localhost:8321", "sec-fetch-site": "same-origin"},
    "an address that a person typed": {"sec-fetch-site": "none"},
    "a page that was named": {"origin": "https://upload.example", "sec-fetch-site": "cross-site"},
}

HOSTS = {"localhost": 200, "LOCALHOST:8321": 200, "127.0.0.1:8321": 200, "127.9.9.9": 200, "[::1]:8321": 200,
         "files.example": 200, "FILES.example:443": 200,
         "evil.example": 421, "evil.example:8321": 421, "localhost.evil.example": 421, "10.0.0.7": 421,
         "0.0.0.0": 421, "[::]": 421, "": 421, "localhost@evil.example": 421, "localhost/evil": 421,
         "localhost evil": 421}  # fmt: skip


@pytest.mark.parametrize(("headers", "param"), FOREIGN.values(), ids=FOREIGN)
async def test_a_page_of_elsewhere_neither_writes_nor_reads(
    start: Start, headers: Mapping[str, str], param: str
) -> None:
    host = {"host": "localhost:8321"}
    async with start(auth="off", cors_origins=["https://upload.example"]) as service:
        for method, path in (("POST", "/v1/uploads"), ("GET", "/v1/files"), ("DELETE", "/v1/files/file-x")):
            refused = await service.stranger.request(
                method, path, content=CREATE, headers={**host, "content-type": "text/plain", **headers}
            )
            error = refused.json()["error"]
            assert (refused.status_code, error["code"], error["param"]) == (403, "foreign_page", param)
            assert "HEAVYLIFT_CORS_ORIGINS" in error["message"]
        listed = await service.stranger.get("/v1/uploads", headers=host)
        assert listed.json()["data"] == []


@pytest.mark.parametrize("headers", OWN.values(), ids=OWN)
async def test_who_is_no_page_of_elsewhere_is_served(start: Start, headers: Mapping[str, str]) -> None:
    async with start(auth="off", cors_origins=["https://upload.example"]) as service:
        answer = await service.stranger.get("/v1/files", headers={"host": "localhost:8321", **headers})
        assert answer.status_code == 200


async def test_any_page_may_call_where_any_origin_is_named(start: Start) -> None:
    async with start(auth="off", cors_origins=["*"]) as service:
        for headers in ({"origin": "https://any.example"}, {"sec-fetch-site": "cross-site"}):
            answer = await service.stranger.get("/v1/files", headers={"host": "localhost", **headers})
            assert answer.status_code == 200


@pytest.mark.parametrize(("host", "status"), HOSTS.items(), ids=repr)
async def test_only_names_of_its_own_are_answered(start: Start, host: str, status: int) -> None:
    async with start(auth="off", allowed_hosts=["files.example"]) as service:
        for path in ("/v1/files", "/healthz", "/docs"):
            answer = await service.stranger.get(path, headers={"host": host})
            assert answer.status_code == status
            if status == 421:
                assert answer.json()["error"]["code"] == "wrong_host"
                assert "HEAVYLIFT_ALLOWED_HOSTS" in answer.json()["error"]["message"]


async def test_a_preflight_is_answered_by_who_knows_the_origins(start: Start) -> None:
    asked = {"host": "localhost", "origin": "https://evil.example", "access-control-request-method": "POST"}
    async with start(auth="off") as service:
        answer = await service.stranger.options("/v1/uploads", headers=asked)
        assert answer.json()["error"]["code"] == "cors_refused"
        rebound = await service.stranger.options("/v1/uploads", headers={**asked, "host": "evil.example"})
        assert rebound.status_code == 421


async def test_with_keys_a_page_is_only_kept_from_what_it_has_no_key_to(start: Start) -> None:
    async with start() as service:
        headers = {"host": "any.example", "origin": "https://evil.example"}
        assert (await service.client.get("/v1/files", headers=headers)).status_code == 200
        assert (await service.stranger.get("/v1/files", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("host", "name"),
    [("a:1", "a"), ("[::1]:8", "::1"), ("A.b", "a.b"), ("[::1", ""), ("", "")],
)
def test_a_hosts_name_is_without_its_port(host: str, name: str) -> None:
    assert name_of(host) == name
