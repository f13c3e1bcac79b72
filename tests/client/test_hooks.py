"""Hooks that go wrong: sentences instead of tracebacks from inside, and no connection that stays open."""

import dataclasses
from typing import Any

import httpx2
import pytest

from heavylift.client import errors
from heavylift.client.calls import Answer, Request
from heavylift.client.hooks import HookContext, Hooks
from heavylift.client.operations.files import open_content, retrieve_file
from heavylift.client.options import NO_OPTIONS
from heavylift.client.retries import RetryConfig
from tests.client.rig import Rig


class Noting(Hooks):
    """Keeps the HTTP library's response, and then does as it is told."""

    def __init__(self, deed: Any) -> None:
        self.deed = deed
        self.raw: httpx2.Response | None = None

    def after_success(self, context: HookContext, answer: Answer) -> Answer:
        self.raw = answer.raw
        given: Answer = self.deed(answer)
        return given


def fail(answer: Answer) -> Answer:
    raise ZeroDivisionError


def streaming(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, stream=Bytewise())


class Bytewise(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that is not there at once, so that a response is not closed by itself."""

    def __iter__(self) -> Any:
        yield b"abc"

    async def __aiter__(self) -> Any:
        yield b"abc"


@pytest.mark.parametrize(
    ("deed", "outcome"),
    [
        (fail, ZeroDivisionError),
        (lambda answer: None, errors.InvalidRequestError),
        (lambda answer: dataclasses.replace(answer, raw=None), None),
    ],
    ids=["raises", "without return", "another answer"],
)
def test_a_streamed_answer_that_a_hook_does_not_hand_on_lets_go_of_its_connection(
    rig: Rig, deed: Any, outcome: type[Exception] | None
) -> None:
    rig.handle = streaming
    hook = Noting(deed)
    rig.set(hooks=(Hooks(), hook))
    if outcome is None:
        rig.run(open_content(file_id="file-1", headers={}, options=NO_OPTIONS))
    else:
        with pytest.raises(outcome):
            rig.run(open_content(file_id="file-1", headers={}, options=NO_OPTIONS))
    assert hook.raw is not None
    assert hook.raw.is_closed


def test_an_answer_that_every_hook_hands_on_stays_open(rig: Rig) -> None:
    rig.handle = streaming
    hook = Noting(lambda answer: answer)
    rig.set(hooks=(hook,))
    rig.run(open_content(file_id="file-1", headers={}, options=NO_OPTIONS))
    assert hook.raw is not None
    assert not hook.raw.is_closed
    hook.raw.stream = httpx2.ByteStream(b"")  # nobody reads it here


class Forgetful(Hooks):
    """Forgets one `return`."""

    def __init__(self, method: str) -> None:
        setattr(self, method, lambda context, value: None)


@pytest.mark.parametrize("method", ["before_request", "after_success", "after_error"])
def test_a_hook_without_return_is_named(rig: Rig, method: str) -> None:
    status = 500 if method == "after_error" else 200
    rig.handle = lambda request: httpx2.Response(status, text="{}")
    rig.set(hooks=(Forgetful(method),), retries=RetryConfig("none"))
    with pytest.raises(errors.InvalidRequestError, match=rf"Forgetful.{method} returned NoneType.*return"):
        rig.run(retrieve_file(file_id="file-1"))


def test_headers_that_a_hook_makes_are_checked_too(rig: Rig) -> None:
    class Odd(Hooks):
        def before_request(self, context: HookContext, request: Request) -> Request:
            return dataclasses.replace(request, headers={**request.headers, "X": "ä"})

    rig.set(hooks=(Odd(),))
    with pytest.raises(errors.SDKValidationError, match="value of X"):
        rig.run(retrieve_file(file_id="file-1"))
