"""Web pages of other origins: leave to call as a browser reads it, and refusals in the envelope."""

import httpx2
import pytest
from structlog.testing import capture_logs

from tests.api.conftest import Service, Start, error_of

PAGE = "https://page.example"


async def test_a_listed_origin_may_call_and_read_and_no_other(start: Start) -> None:
    async with start(cors_origins=[PAGE]) as service:
        ask = {"Origin": PAGE, "Access-Control-Request-Method": "POST",
               "Access-Control-Request-Headers": "authorization, content-type"}  # fmt: skip
        leave = await service.stranger.options("/v1/uploads", headers=ask)
        assert leave.status_code == 200
        assert leave.headers["access-control-allow-origin"] == PAGE
        assert "authorization" in leave.headers["access-control-allow-headers"].lower()
        assert "DELETE" in leave.headers["access-control-allow-methods"]
        assert leave.headers["x-request-id"].startswith("req_")
        for answer in (
            await service.client.get("/v1/files", headers={"Origin": PAGE}),
            await service.stranger.get("/v1/files", headers={"Origin": PAGE}),
            await service.client.get("/v1/files/file-x", headers={"Origin": PAGE}),
        ):
            assert answer.headers["access-control-allow-origin"] == PAGE
            assert "x-request-id" in answer.headers["access-control-expose-headers"]
        other = await service.client.get("/v1/files", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


async def test_without_a_listed_origin_a_preflight_hears_what_to_do(service: Service) -> None:
    asked = preflight()
    answer = await service.stranger.options("/v1/uploads", headers=asked)
    is_refused(answer, asked, "Origin")
    assert "HEAVYLIFT_CORS_ORIGINS" in answer.text


async def test_a_page_may_read_what_downloads_and_repetitions_need(start: Start) -> None:
    async with start(cors_origins=[PAGE]) as service:
        path = f"/v1/files/{await service.file()}/content"
        answer = await service.client.get(path, headers={"Origin": PAGE})
        shown = set(answer.headers["access-control-expose-headers"].split(", "))
        assert shown >= {"accept-ranges", "content-length", "last-modified", "etag", "content-digest"}
        safelisted = {"cache-control", "content-language", "content-type", "expires", "pragma"}
        technical = {"date", "server", "connection", "vary", "x-content-type-options"}
        others = {name for name in answer.headers if not name.startswith("access-control")}
        assert others - shown - safelisted - technical == set()


@pytest.mark.parametrize("origins", [[], [PAGE]])
async def test_an_origin_that_may_not_call_is_in_the_log(start: Start, origins: list[str]) -> None:
    with capture_logs() as lines:
        async with start(cors_origins=origins) as service:
            await service.client.get("/v1/files", headers={"Origin": "https://evil.example"})
            await service.stranger.options("/v1/files", headers=preflight("https://evil.example"))
            await service.client.get("/v1/files", headers={"Origin": PAGE})
            await service.client.get("/v1/files")
    seen = [line.get("refused_origin") for line in lines if line["event"] == "request"]
    assert seen == ["https://evil.example"] * 2 + [None if origins else PAGE, None]


async def test_without_a_listed_origin_no_page_may_read(service: Service) -> None:
    answer = await service.client.get("/v1/files", headers={"Origin": PAGE})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def preflight(origin: str = PAGE, method: str = "POST", **more: str) -> dict[str, str]:
    """What a browser asks with before it lets a page call."""
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


def browser_lets(answer: httpx2.Response, asked: dict[str, str]) -> bool:
    """Fetch's CORS-preflight check: status, origin, method and headers, `*` not covering authorization."""
    allowed = {
        name.strip().lower() for name in answer.headers.get("access-control-allow-headers", "").split(",")
    }
    methods = {name.strip() for name in answer.headers.get("access-control-allow-methods", "").split(",")}
    private = asked.get("Access-Control-Request-Private-Network") == "true"
    return (
        200 <= answer.status_code <= 299
        and answer.headers.get("access-control-allow-origin") in {asked["Origin"], "*"}
        and asked["Access-Control-Request-Method"] in methods | {"GET", "HEAD", "POST"}
        and set(asked["Access-Control-Request-Headers"].split(",")) <= allowed
        and (not private or answer.headers.get("access-control-allow-private-network") == "true")
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize("origins", [[PAGE], ["*"]])
async def test_a_browser_takes_the_leave_that_is_given(start: Start, method: str, origins: list[str]) -> None:
    async with start(cors_origins=origins) as service:
        for path in ("/v1/uploads", "/v1/uploads/upload_x/parts", "/v1/files/file-x/content"):
            asked = preflight(method=method)
            answer = await service.stranger.options(path, headers=asked)
            assert browser_lets(answer, asked)
            assert answer.headers["x-request-id"].startswith("req_")


async def test_a_named_origin_may_call_into_a_private_network_and_any_other_may_not(start: Start) -> None:
    asked = preflight(Access_Control_Request_Private_Network="true")
    async with start(cors_origins=[PAGE]) as service:
        assert browser_lets(await service.stranger.options("/v1/files", headers=asked), asked)
    async with start(cors_origins=["*"]) as service:
        answer = await service.stranger.options("/v1/files", headers=asked)
        is_refused(answer, asked, "Access-Control-Request-Private-Network")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://page.example.evil", '"\\', ""])
async def test_a_preflight_of_another_origin_is_refused_in_the_envelope(start: Start, origin: str) -> None:
    async with start(cors_origins=[PAGE]) as service:
        asked = preflight(origin)
        answer = await service.stranger.options("/v1/uploads", headers=asked)
        is_refused(answer, asked, "Origin")
        assert "access-control-allow-origin" not in answer.headers
        assert "Origin" in answer.headers["vary"].split(", ")


async def test_a_preflight_for_another_method_is_refused_in_the_envelope(start: Start) -> None:
    async with start(cors_origins=[PAGE]) as service:
        asked = preflight(method="PUT")
        answer = await service.stranger.options("/v1/uploads", headers=asked)
        is_refused(answer, asked, "Access-Control-Request-Method")


def is_refused(answer: httpx2.Response, asked: dict[str, str], param: str) -> None:
    error = error_of(answer, 400)
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "cors_refused", param)
    assert not browser_lets(answer, asked)
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["openai-processing-ms"].isdigit()
    assert answer.headers["openai-version"]
