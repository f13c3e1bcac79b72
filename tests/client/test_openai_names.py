"""openai-python's names on both of our clients: what they send, and what they give."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

import heavylift
from heavylift import Heavylift, Page, RetryConfig, SDKValidationError, errors
from heavylift.client.config import Setting
from heavylift.client.models import File
from heavylift.client.openai_names.clients import changed
from tests.client.both import Both
from tests.support.answers import Answer
from tests.support.stand_in import keep

CONTENT = "ä line\r\nanother\n\nlast".encode()
BUSY = Answer(status=503, headers={"content-type": "application/json", "retry-after-ms": "1"}, body=b"{}")


def said(value: object, **headers: str) -> Answer:
    return Answer(headers={"content-type": "application/json", **headers}, body=json.dumps(value).encode())


@pytest.fixture
def file_id(both: Both) -> str:
    both.server.extensions = True
    return str(keep(both.server, "kept.txt", "user_data", CONTENT)["id"])


@pytest.fixture
def pages(both: Both) -> list[str]:
    """A list in three pages; the ids in it."""
    ids = [f"file-{number}" for number in range(5)]
    for after, found in ((None, ids[:2]), (ids[1], ids[2:4]), (ids[3], ids[4:])):
        query = r"\?limit=2" if after is None else rf"\?(limit=2&after={after}|after={after}&limit=2)"
        body = {"object": "list", "data": [{"id": each} for each in found], "has_more": found[-1] != ids[-1]}
        both.server.answers(f"GET /files{query}", said(body), forever=True)
    return ids


async def gathered(items: Any) -> list[str]:
    """The ids of all that comes."""
    return [item.id async for item in items]


def every(both: Both, ask: Callable[[Any], Any]) -> list[str]:
    """The ids of all items of a list, whichever client lists."""
    if both.kind == "blocking":
        return list(both.do(lambda client: [item.id for item in ask(client)]))
    return list(both.do(lambda client: gathered(ask(client))))


def test_a_list_is_a_page_that_goes_on(both: Both, pages: list[str]) -> None:
    page = both.do(lambda client: client.files.list(limit=2))
    assert [file.id for file in page.data] == pages[:2]
    assert (len(page), page[1].id, page.has_more, page.has_next_page()) == (2, pages[1], True, True)
    assert every(both, lambda client: client.files.list(limit=2)) == pages
    asked = len(both.server.requests)
    assert [file.id for file in page.page] == pages[:2], "our own page is what it holds"
    assert len(both.server.requests) == asked


def test_behind_the_last_page_there_is_none(both: Both, pages: list[str]) -> None:
    last = both.do(lambda client: client.files.list(limit=2, after=pages[3]))
    assert not last.has_next_page()
    with pytest.raises(RuntimeError, match="no page behind"):
        both.do(lambda client: last.get_next_page())


def test_our_own_pages_hold_what_they_hold() -> None:
    page = Page[File](data=[File(id="a"), File(id="b")], has_more=True)
    assert (len(page), page[0].id, [file.id for file in page]) == (2, "a", ["a", "b"])
    assert Page[File].model_validate(page.model_dump()) == page


def test_max_retries_counts_the_repetitions_of_a_request(both: Both) -> None:
    both.server.answers("GET /files/f", BUSY, forever=True)
    for most in (0, 2):
        both.server.requests.clear()
        with pytest.raises(errors.ServerError):
            both.do(lambda client: client.files.retrieve("f"), retry_config=None, max_retries=most)
        assert both.server.count("GET /files/f") == most + 1


def test_with_options_sets_another_client_on_the_same_connections(both: Both, file_id: str) -> None:
    def ask(client: Any) -> Any:
        other = client.with_options(
            max_retries=1, default_headers={"X-Own": "2"}, timeout=7.5, api_key="other"
        )
        assert type(other) is type(client)
        assert (other.driver.setting.timeout_ms, client.driver.setting.timeout_ms) == (7500, None)
        return other.files.retrieve(file_id)

    both.do(ask, default_headers={"X-Own": "1", "X-Kept": "yes"})
    both.do(lambda client: client.files.retrieve(file_id), default_headers={"X-Own": "1"})
    asked = [asked.headers for asked in both.server.requests]
    assert [(each["x-own"], each["authorization"]) for each in asked] == [
        ("2", "Bearer other"),
        ("1", "Bearer sk-test"),
    ]
    assert asked[0]["x-kept"] == "yes"


def test_a_call_has_headers_and_a_timeout_of_its_own(both: Both, file_id: str) -> None:
    timeout = httpx2.Timeout(5.0, read=9.0)
    both.do(
        lambda client: client.files.retrieve(file_id, extra_headers={"X-Own": "2"}, timeout=timeout),
        default_headers={"X-Own": "1"},
    )
    assert [asked.headers["x-own"] for asked in both.server.requests] == ["2"]


def test_a_raw_answer_has_its_headers_and_what_it_means(both: Both) -> None:
    both.server.answers("GET /files/f", said({"id": "f"}, **{"x-request-id": "req_1"}), forever=True)
    raw = both.do(lambda client: client.files.with_raw_response.retrieve("f"))
    assert (raw.status_code, raw.request_id, raw.headers["X-Request-Id"]) == (200, "req_1", "req_1")
    assert (raw.parse().id, raw.json(), raw.text, raw.content) == (
        "f",
        {"id": "f"},
        '{"id": "f"}',
        b'{"id": "f"}',
    )
    whole = both.do(lambda client: client.with_raw_response.files.retrieve("f"))
    assert whole.parse() == raw.parse()


def test_a_content_is_bytes_text_and_lines(both: Both, file_id: str, tmp_path: Path) -> None:
    content = both.do(lambda client: client.files.content(file_id))
    assert content.read() == content.content == b"".join(content.iter_bytes(3)) == CONTENT
    assert content.text == CONTENT.decode() == "".join(content.iter_text(1))
    assert list(content.iter_lines()) == ["ä line", "another", "", "last"]
    content.write_to_file(tmp_path / "a")
    content.stream_to_file(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == CONTENT
    content.close()


def test_waiting_ends_when_it_is_processed(both: Both) -> None:
    states = [said({"id": "f", "status": status}) for status in ("uploaded", "running", "processed")]
    both.server.answers("GET /files/f", *states)
    done = both.do(lambda client: client.files.wait_for_processing("f", poll_interval=0.001))
    assert (done.status, both.server.count("GET /files/f")) == ("processed", 3)
    both.server.answers("GET /files/f", said({"id": "f", "status": "uploaded"}), forever=True)
    with pytest.raises(TimeoutError, match="still uploaded"):
        both.do(lambda client: client.files.wait_for_processing("f", max_wait_seconds=-1))


def test_what_has_no_name_is_called_upload(both: Both) -> None:
    assert both.do(lambda client: client.files.create(file=b"x", purpose="batch")).filename == "upload"


def test_a_size_that_is_not_that_of_the_bytes_is_refused(both: Both) -> None:
    with pytest.raises(SDKValidationError, match="bytes"):
        both.do(
            lambda client: client.uploads.upload_file_chunked(
                file=b"abc", bytes=4, filename="a", mime_type="text/plain", purpose="batch"
            )
        )
    assert both.server.requests == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "http://a/v1", "server_url": "http://b/v1"},
        {"timeout": 1, "timeout_ms": 1000},
        {"max_retries": 1, "retry_config": RetryConfig()},
        {"timeout": 0},
        {"timeout": "1"},
        {"max_retries": -1},
        {"max_retries": 1.5},
        {"default_headers": {"X": "a\r\nb"}},
        {"default_headers": ["X"]},
    ],
)
def test_what_contradicts_itself_or_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SDKValidationError):
        Heavylift(api_key="", **wrong)


def test_every_error_has_what_openais_have() -> None:
    made = errors.HeavyliftError("why"), errors.ConnectionError("why"), errors.ResumeError("why")
    for error in made:
        assert error.message.startswith("why")
        assert {error.status_code, error.code, error.param, error.type, error.request_id} == {None}


def test_a_bound_key_does_not_follow_to_another_server() -> None:
    bound = Setting(api_key="k", server_url="http://a.test/v1", key_only_to="http://a.test/v1")
    assert changed(bound, base_url="http://b.test/v1").key_only_to == "http://a.test/v1"
    assert changed(bound, api_key="mine").key_only_to is None


def test_its_errors_are_ours_by_another_name(both: Both) -> None:
    both.server.answers("GET /files/f", Answer(status=500, body=b"x"), forever=True)
    with pytest.raises(heavylift.InternalServerError) as caught:
        both.do(lambda client: client.files.retrieve("f"))
    assert isinstance(caught.value, heavylift.APIStatusError)
    assert isinstance(caught.value, heavylift.APIError)
    assert caught.value.response.status_code == 500
    assert issubclass(heavylift.APITimeoutError, heavylift.APIConnectionError)
    assert issubclass(errors.ConnectionError, heavylift.APIConnectionError)


def test_organization_project_and_the_url_are_said_as_there(both: Both) -> None:
    both.server.answers("GET /files/f", said({"id": "f", "colour": "red"}))
    scope = {"organization": "org", "project": "proj", "default_headers": {"X-Own": "1"}}
    raw = both.do(lambda client: client.files.with_raw_response.retrieve("f"), **scope)
    (asked,) = both.server.requests
    names = ("openai-organization", "openai-project", "x-own")
    assert [asked.headers[name] for name in names] == ["org", "proj", "1"]
    assert str(raw.http_request.url) == f"{both.do(lambda client: client.base_url)}/files/f"
    assert raw.parse().to_dict() == json.loads(raw.parse().to_json()) == {"id": "f", "colour": "red"}
