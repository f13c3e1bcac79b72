"""Every error of the tree comes out of another process as it went in, and no secret with it."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from heavylift.client import errors
from heavylift.client.operations.uploads import create_upload

KEY = "sk-secret-of-the-test"
BODY = '{"error": {"message": "No.", "type": "t", "param": "p", "code": "c"}}'


def family(kind: type[errors.HeavyliftError]) -> list[type[errors.HeavyliftError]]:
    """The class and all below it, of this package alone."""
    below = [each for child in kind.__subclasses__() for each in family(child)]
    return [each for each in (kind, *below) if each.__module__ == errors.__name__]


def answer() -> httpx2.Response:
    """As the HTTP library gives it: with the request, and so with the key."""
    request = httpx2.Request("GET", "http://server.test/v1/files", headers={"Authorization": f"Bearer {KEY}"})
    headers = {"x-request-id": "req_1", "content-type": "application/json", "set-cookie": f"session={KEY}"}
    return httpx2.Response(404, headers=headers, text=BODY, request=request)


def made(kind: type[errors.HeavyliftError]) -> errors.HeavyliftError:
    error: errors.HeavyliftError
    if issubclass(kind, errors.SDKError):
        raw = answer()
        error = kind("No.", status_code=404, headers=raw.headers, body=BODY, raw_response=raw)
    elif issubclass(kind, errors.SDKValidationError):
        error = refused_argument(kind)
    elif issubclass(kind, errors.HTTPClientError):
        error = kind("It broke", cause=httpx2.ReadError("cut", request=answer().request))
    else:
        error = kind("It cannot be.")
    error.add_note("The upload upload_1 is kept.")
    return error


def refused_argument(kind: type[errors.SDKValidationError]) -> errors.SDKValidationError:
    """With a value that no pickle takes."""
    try:
        next(create_upload(filename=lambda: 1, purpose="", bytes=-1, mime_type="x/y"))  # type: ignore[arg-type]
    except errors.SDKValidationError as error:
        return kind("Input validation failed", cause=error.cause, raw_value=error.raw_value)
    raise AssertionError("it was taken")


def raise_it(kind: type[errors.HeavyliftError]) -> None:
    raise made(kind)


@pytest.fixture(scope="module")
def pool() -> Any:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        yield processes


@pytest.mark.parametrize("kind", family(errors.HeavyliftError), ids=lambda kind: kind.__name__)
def test_an_error_that_another_process_raised_is_what_it_was(
    pool: ProcessPoolExecutor, kind: type[errors.HeavyliftError]
) -> None:
    here = made(kind)
    there = pool.submit(raise_it, kind).exception(60)
    assert type(there) is kind
    assert str(there) == str(here)
    assert getattr(there, "__notes__", None) == ["The upload upload_1 is kept."]
    assert vars(there).keys() == vars(here).keys()
    for name in ("message", "status_code", "content_type", "body", "code", "param", "type", "request_id"):
        assert getattr(there, name, None) == getattr(here, name, None)
    assert KEY.encode() not in pickle.dumps(here)
    assert getattr(there, "raw_response", None) is None


def test_headers_are_still_found_in_any_case(pool: ProcessPoolExecutor) -> None:
    there = pool.submit(raise_it, errors.NotFoundError).exception(60)
    assert isinstance(there, errors.NotFoundError)
    assert there.headers["X-Request-ID"] == "req_1"
    assert there.headers["set-cookie"] == "<redacted>"


def test_a_cause_is_still_of_its_kind(pool: ProcessPoolExecutor) -> None:
    broken = pool.submit(raise_it, errors.ConnectionError).exception(60)
    assert isinstance(broken, errors.ConnectionError)
    assert isinstance(broken.cause, httpx2.ReadError)
    assert str(broken.cause) == "cut"


def test_arguments_at_fault_are_told_one_by_one_on_the_other_side_too(pool: ProcessPoolExecutor) -> None:
    there = pool.submit(raise_it, errors.SDKValidationError).exception(60)
    assert isinstance(there, errors.SDKValidationError)
    assert isinstance(there.cause, ValidationError)
    assert there.pretty() == made(errors.SDKValidationError).pretty()  # type: ignore[attr-defined]
    assert len(there.pretty().splitlines()) == 4


def test_a_cause_that_cannot_be_made_again_is_told_in_words() -> None:
    raw = answer()
    status = httpx2.HTTPStatusError("404", request=raw.request, response=raw)
    error = errors.UnexpectedClientError("Odd", cause=status)
    twin = pickle.loads(pickle.dumps(error))
    assert str(twin.cause) == "HTTPStatusError: 404"
    assert KEY.encode() not in pickle.dumps(error)
