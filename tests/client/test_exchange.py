"""One call: key, hooks, attempts, retries, errors, parsing, logs; on both drivers."""

import json
import logging
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from heavylift.client import errors
from heavylift.client.calls import Answer, Request
from heavylift.client.hooks import HookContext, Hooks
from heavylift.client.operations.files import delete_file, retrieve_file
from heavylift.client.operations.uploads import create_upload
from heavylift.client.options import RequestOptions
from heavylift.client.retries import BackoffStrategy, RetryConfig
from tests.client.rig import URL, Handle, Rig, envelope

FILE = {"id": "file-1", "bytes": 3, "created_at": 1, "filename": "a", "purpose": "user_data"}


def answering(*answers: httpx2.Response | Exception, seen: list[httpx2.Request] | None = None) -> Handle:
    """Gives these answers one after the other, and fails when asked for more."""
    rest = list(answers)

    def handle(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(request)
        answer = rest.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return handle


def ok() -> httpx2.Response:
    return httpx2.Response(200, json=FILE)


def test_a_push_back_is_retried_after_what_the_server_asked_for(rig: Rig):
    rig.handle = answering(
        envelope(429, "slow down", headers={"retry-after": "2"}), httpx2.Response(503), ok()
    )
    assert rig.run(retrieve_file(file_id="file-1")).id == "file-1"
    assert rig.pauses == [2.0, 0.75]


def test_a_broken_connection_is_retried(rig: Rig):
    rig.handle = answering(httpx2.ConnectError("refused"), httpx2.ReadTimeout(""), ok())
    assert rig.run(retrieve_file(file_id="file-1")).id == "file-1"
    assert rig.pauses == [0.5, 0.75]


def test_a_single_call_gives_up_after_half_a_minute(rig: Rig):
    rig.handle = lambda request: httpx2.Response(500, text="broken")
    with pytest.raises(errors.ServerError) as caught:
        rig.run(retrieve_file(file_id="file-1"))
    assert rig.seconds == 30
    assert caught.value.body == "broken"


def test_the_clients_retry_configuration_is_used(rig: Rig):
    rig.set(
        retries=RetryConfig(backoff=BackoffStrategy(initial_interval=10, exponent=2, max_elapsed_time=25))
    )
    rig.handle = lambda request: httpx2.Response(500)
    with pytest.raises(errors.ServerError):
        rig.run(retrieve_file(file_id="file-1"))
    assert rig.pauses == [0.01, pytest.approx(0.015)]


def test_a_calls_options_win_over_the_clients(rig: Rig):
    seen: list[httpx2.Request] = []
    rig.handle = answering(httpx2.Response(418), ok(), seen=seen)
    options = RequestOptions(
        retry_codes=["4xx"],
        http_headers={"X-Trace": "7", "User-Agent": "mine"},
        server_url="http://other.test/api/",
        timeout_ms=1500,
    )
    rig.run(retrieve_file(file_id="file-1", options=options))
    assert str(seen[0].url) == "http://other.test/api/files/file-1"
    assert seen[0].headers["x-trace"] == "7"
    assert seen[0].headers["user-agent"] == "mine"
    assert seen[0].extensions["timeout"]["read"] == 1.5
    assert len(seen) == 2


def test_no_retry_when_the_call_says_so(rig: Rig):
    rig.handle = answering(httpx2.Response(503))
    with pytest.raises(errors.ServerError):
        rig.run(retrieve_file(file_id="file-1", options=RequestOptions(retries=RetryConfig("none"))))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (405, errors.MethodNotAllowedError),
        (409, errors.ConflictError),
        (413, errors.PayloadTooLargeError),
        (422, errors.UnprocessableEntityError),
        (410, errors.SDKError),
    ],
)
def test_every_status_family_has_its_error_with_the_envelopes_fields(
    rig: Rig, status: int, kind: type[errors.SDKError]
):
    rig.handle = answering(envelope(status, "No.", code="why", param="id", headers={"x-request-id": "req_1"}))
    with pytest.raises(kind) as caught:
        rig.run(retrieve_file(file_id="file-1"))
    error = caught.value
    assert type(error) is kind
    assert error.message == "No."
    assert str(error) == ("No. The key came from api_key=." if status == 401 else "No.")
    assert (error.code, error.param, error.type) == ("why", "id", "invalid_request_error")
    assert (error.request_id, error.status_code) == ("req_1", status)
    assert error.raw_response.status_code == status


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"error": "text"}', '{"error": {"message": 7}}'])
def test_an_error_without_an_envelope_shows_what_came(rig: Rig, body: str):
    rig.handle = answering(httpx2.Response(404, text=body))
    with pytest.raises(errors.NotFoundError, match="Status 404") as caught:
        rig.run(retrieve_file(file_id="file-1"))
    assert caught.value.code is None
    assert caught.value.body == body


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (httpx2.ConnectError("refused"), errors.ConnectionError),
        (httpx2.RemoteProtocolError("cut"), errors.ConnectionError),
        (httpx2.ConnectTimeout(""), errors.RequestTimeoutError),
        (httpx2.ReadTimeout(""), errors.RequestTimeoutError),
        (httpx2.PoolTimeout(""), errors.RequestTimeoutError),
        (httpx2.LocalProtocolError("bad header"), errors.InvalidRequestError),
        (httpx2.DecodingError("not gzip"), errors.UnexpectedClientError),
    ],
)
def test_every_failure_below_http_has_its_error_with_its_cause(
    rig: Rig, raised: Exception, kind: type[errors.HTTPClientError]
):
    rig.set(retries=RetryConfig("none"))
    rig.handle = answering(raised)
    with pytest.raises(kind) as caught:
        rig.run(retrieve_file(file_id="file-1"))
    assert caught.value.cause is raised


def test_an_answer_that_is_something_else_is_a_validation_error_that_names_the_field(rig: Rig):
    rig.handle = answering(httpx2.Response(200, json={**FILE, "bytes": "many"}))
    with pytest.raises(errors.SDKValidationError, match="bytes") as caught:
        rig.run(retrieve_file(file_id="file-1"))
    assert "bytes: " in caught.value.pretty()
    assert caught.value.raw_message == "Response validation failed"


def test_a_page_of_a_proxy_is_not_taken_for_an_answer(rig: Rig):
    rig.handle = answering(httpx2.Response(200, html="<html>Sign in</html>"))
    with pytest.raises(errors.SDKError, match="Unexpected API response"):
        rig.run(retrieve_file(file_id="file-1"))


def test_wrong_arguments_are_told_before_anything_is_sent(rig: Rig):
    rig.handle = answering()
    with pytest.raises(errors.SDKValidationError, match="Input validation failed") as caught:
        rig.run(create_upload(filename="", purpose="batch", bytes=-1, mime_type="a/b"))
    assert "filename" in caught.value.pretty()
    assert "bytes" in caught.value.pretty()


@pytest.mark.parametrize("odd", ["", " ", ".", "..", None])
def test_an_id_that_would_be_another_path_is_refused(rig: Rig, odd: Any):
    rig.handle = answering()
    with pytest.raises(errors.SDKValidationError, match="file_id"):
        rig.run(delete_file(file_id=odd))


def test_an_id_is_quoted(rig: Rig):
    seen: list[httpx2.Request] = []
    rig.handle = answering(ok(), seen=seen)
    rig.run(retrieve_file(file_id="a/../b?c"))
    assert seen[0].url.raw_path == b"/v1/files/a%2F..%2Fb%3Fc"


@pytest.mark.parametrize(
    ("key", "sent"), [("sk-1", "Bearer sk-1"), ("Bearer sk-1", "Bearer sk-1"), ("sk-1\n", "Bearer sk-1")]
)
def test_the_key_is_sent_as_a_bearer_token(rig: Rig, key: str, sent: str):
    seen: list[httpx2.Request] = []
    rig.set(api_key=key)
    rig.handle = answering(ok(), seen=seen)
    rig.run(retrieve_file(file_id="file-1"))
    assert seen[0].headers["authorization"] == sent


@pytest.mark.parametrize("key", ["", None])
def test_without_a_key_no_header_is_sent(rig: Rig, key: str | None):
    seen: list[httpx2.Request] = []
    rig.set(api_key=key)
    rig.handle = answering(ok(), seen=seen)
    rig.run(retrieve_file(file_id="file-1"))
    assert "authorization" not in seen[0].headers


def test_a_function_is_asked_for_the_key_before_every_attempt(rig: Rig):
    keys = iter(["sk-1", "sk-2"])
    seen: list[httpx2.Request] = []
    rig.set(api_key=lambda: next(keys))
    rig.handle = answering(httpx2.Response(503), ok(), seen=seen)
    rig.run(retrieve_file(file_id="file-1"))
    assert [request.headers["authorization"] for request in seen] == ["Bearer sk-1", "Bearer sk-2"]


def test_a_coroutine_function_gives_the_key_where_it_can_be_awaited(rig: Rig):
    async def key() -> str:
        return "sk-1"

    seen: list[httpx2.Request] = []
    rig.set(api_key=key)
    rig.handle = answering(ok(), seen=seen)
    if rig.driver == "blocking":
        with pytest.raises(errors.InvalidRequestError, match="AsyncHeavylift"):
            rig.run(retrieve_file(file_id="file-1"))
    else:
        rig.run(retrieve_file(file_id="file-1"))
        assert seen[0].headers["authorization"] == "Bearer sk-1"


@pytest.mark.parametrize("key", ["sk-geheim\r\nX: y", "sk-gehéim", 7])
def test_a_key_that_is_none_is_refused_without_showing_it(rig: Rig, key: Any):
    rig.set(api_key=lambda: key)
    rig.handle = answering()
    with pytest.raises(errors.InvalidRequestError) as caught:
        rig.run(retrieve_file(file_id="file-1"))
    assert "geh" not in str(caught.value)


class Recording(Hooks):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def before_request(self, context: HookContext, request: Request) -> Request:
        self.seen.append(f"before {context.operation} {context.attempt}")
        return replace(request, headers={**request.headers, "X-Hook": "yes"})

    def after_success(self, context: HookContext, answer: Answer) -> Answer:
        self.seen.append(f"success {answer.status}")
        return replace(
            answer, content=json.dumps({**json.loads(answer.content), "filename": "hooked"}).encode()
        )

    def after_error(self, context: HookContext, error: errors.HeavyliftError) -> errors.HeavyliftError:
        self.seen.append(f"error {type(error).__name__} after {context.operation}")
        return errors.HeavyliftError("translated")


def test_hooks_see_and_change_requests_and_answers(rig: Rig):
    hooks, seen = Recording(), list[httpx2.Request]()
    rig.set(hooks=(hooks,))
    rig.handle = answering(httpx2.Response(503), ok(), seen=seen)
    assert rig.run(retrieve_file(file_id="file-1")).filename == "hooked"
    assert hooks.seen == ["before retrieveFile 0", "before retrieveFile 1", "success 200"]
    assert {request.headers["x-hook"] for request in seen} == {"yes"}


def test_a_hook_may_translate_an_error_and_the_first_one_stays_its_cause(rig: Rig):
    hooks = Recording()
    rig.set(hooks=(hooks,))
    rig.handle = answering(envelope(404, "No such File object: file-1"))
    with pytest.raises(errors.HeavyliftError, match="translated") as caught:
        rig.run(retrieve_file(file_id="file-1"))
    assert isinstance(caught.value.__cause__, errors.NotFoundError)
    assert hooks.seen[-1] == "error NotFoundError after retrieveFile"


def test_coroutine_hooks_are_awaited_where_that_is_possible(rig: Rig):
    class Slow(Hooks):
        async def before_request(self, context: HookContext, request: Request) -> Request:
            return replace(request, headers={**request.headers, "X-Hook": "awaited"})

    seen: list[httpx2.Request] = []
    rig.set(hooks=(Slow(),))
    rig.handle = answering(ok(), seen=seen)
    if rig.driver == "blocking":
        with pytest.raises(errors.InvalidRequestError, match="plain function"):
            rig.run(retrieve_file(file_id="file-1"))
    else:
        rig.run(retrieve_file(file_id="file-1"))
        assert seen[0].headers["x-hook"] == "awaited"


def test_the_debug_log_shows_everything_but_the_key(rig: Rig, caplog: pytest.LogCaptureFixture):
    logger = logging.getLogger("tests.debug")
    rig.set(logger=logger, server_url="http://me:pass-word@server.test/v1")
    refusal = envelope(400, "No.", headers={"set-cookie": "session=crumb"})
    rig.handle = answering(httpx2.Response(503), refusal)
    call = create_upload(filename="corpus.jsonl", purpose="batch", bytes=3, mime_type="text/jsonl")
    with caplog.at_level(logging.DEBUG, logger="tests.debug"), pytest.raises(errors.BadRequestError):
        rig.run(call)
    assert "POST http://server.test/v1/uploads attempt=0" in caplog.text
    assert "attempt=1" in caplog.text
    assert "503" in caplog.text
    assert "corpus.jsonl" in caplog.text
    for secret in ("sk-secret", "pass-word", "crumb"):
        assert secret not in caplog.text


def test_the_user_agent_names_the_sdk(rig: Rig):
    seen: list[httpx2.Request] = []
    rig.handle = answering(ok(), seen=seen)
    rig.run(retrieve_file(file_id="file-1"))
    assert seen[0].headers["user-agent"].startswith("heavylift-python/")
    assert str(seen[0].url) == f"{URL}/files/file-1"
