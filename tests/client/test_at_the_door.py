"""What cannot be sent is refused with a sentence of the tree, before anything is sent; on both drivers."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from heavylift import AsyncHeavylift, BackoffStrategy, Heavylift, RetryConfig
from heavylift.client import errors
from heavylift.client.calls import Flow
from heavylift.client.operations.files import create_file, list_files, retrieve_file
from heavylift.client.operations.uploads import add_upload_part, complete_upload, create_upload
from heavylift.client.options import RequestOptions
from tests.client.rig import Rig, envelope
from tests.client.scripted import Scripted

HALF = "\ud800"
"""Half a pair of surrogates: a string of Python that no UTF-8 holds."""

UNENCODABLE: list[Callable[[], Flow[Any]]] = [
    lambda: retrieve_file(file_id=f"file-{HALF}"),
    lambda: list_files(purpose=HALF),
    lambda: list_files(after=HALF),
    lambda: create_upload(filename=HALF, purpose="batch", bytes=1, mime_type="a/b"),
    lambda: create_file(file=b"x", filename=f"a{HALF}.txt", purpose="batch"),
    lambda: create_file(file=b"x", filename="a.txt", purpose=HALF),
    lambda: add_upload_part(upload_id=HALF, data=b"x"),
    lambda: complete_upload(upload_id="upload_1", part_ids=[HALF]),
    lambda: complete_upload(upload_id="upload_1", part_ids=["part_1"], md5=HALF),
]

NO_TIMES: list[Any] = [0, -1, float("nan"), float("inf"), True, "5"]


@pytest.mark.parametrize("flow", UNENCODABLE)
def test_half_a_surrogate_is_refused_before_anything_is_sent(
    rig: Rig, server: Scripted, flow: Callable[[], Flow[Any]]
) -> None:
    with pytest.raises((errors.SDKValidationError, errors.InvalidRequestError), match=r"(?i)unicode"):
        rig.run(flow())
    assert server.asked == []


@pytest.mark.parametrize(
    ("odd", "named"),
    [
        *[({"timeout_ms": odd}, "timeout_ms") for odd in NO_TIMES],
        *[({"retry_codes": odd}, "retry_codes") for odd in ([429], "429", ["4x"], ["everything"], 429)],
        *[
            ({"http_headers": odd}, "http_headers")
            for odd in (
                {"X-ä": "1"},
                {"X": "ä"},
                {"X": "a\r\nY: b"},
                {"X": 1},
                {"": "x"},
                {"X Y": "x"},
                ["X"],
            )
        ],
    ],
    ids=repr,
)
def test_options_that_cannot_be_are_refused_when_they_are_made(odd: dict[str, Any], named: str) -> None:
    with pytest.raises(errors.SDKValidationError, match=named):
        RequestOptions(**odd)


def test_the_value_of_a_refused_header_is_not_in_the_error() -> None:
    with pytest.raises(errors.SDKValidationError) as caught:
        RequestOptions(http_headers={"X-Token": "sekrét"})
    assert "sekr" not in str(caught.value) + repr(vars(caught.value))


@pytest.mark.parametrize("odd", NO_TIMES)
def test_a_client_is_not_made_with_a_time_out_that_cannot_be(odd: Any) -> None:
    with pytest.raises(errors.SDKValidationError, match="timeout_ms"):
        Heavylift(timeout_ms=odd)


NAN, ENDLESS = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("made", "odd", "named"),
    [
        *[
            (BackoffStrategy, {name: odd}, f"{name}: must be a number of milliseconds, 0 or more")
            for name in ("initial_interval", "max_interval", "max_elapsed_time")
            for odd in (NAN, ENDLESS, -1, True, "500", None)
        ],
        *[(BackoffStrategy, {"exponent": odd}, "exponent: must be") for odd in (NAN, ENDLESS, -2, 0.5, "2")],
        (BackoffStrategy, {"initial_interval": 100, "max_interval": 10}, "is 100, above max_interval .10."),
        *[(RetryConfig, {"strategy": odd}, 'must be "backoff" or "none"') for odd in ("never", None, [])],
        *[(RetryConfig, {"backoff": odd}, "backoff: must be a BackoffStrategy") for odd in (None, {}, 500)],
        (RetryConfig, {"retry_connection_errors": "no"}, "retry_connection_errors: must be True or False"),
        (RetryConfig, {"await_server": 0}, "await_server: must be True or False"),
        (RequestOptions, {"retries": "none"}, "retries: must be a RetryConfig"),
        (Heavylift, {"retry_config": BackoffStrategy}, "retry_config: must be a RetryConfig"),
        (AsyncHeavylift, {"retry_config": 3}, "retry_config: must be a RetryConfig"),
    ],
    ids=repr,
)  # fmt: skip
def test_retries_that_cannot_be_are_refused_when_they_are_made(
    made: type, odd: dict[str, Any], named: str
) -> None:
    with pytest.raises(errors.SDKValidationError, match=named):
        made(**odd)


def test_retries_may_be_as_short_as_not_at_all() -> None:
    none = BackoffStrategy(initial_interval=0, max_interval=0, exponent=1, max_elapsed_time=0)
    assert RetryConfig(backoff=none).within(5).backoff == none


@pytest.mark.parametrize("odd", [5, b"http://a", "http://a\ud800/v1"])
def test_a_url_that_is_none_is_refused(odd: Any) -> None:
    with pytest.raises(errors.InvalidRequestError, match="is not a server URL"):
        Heavylift(server_url=odd)


def test_an_error_body_nested_deeper_than_python_can_read_is_an_error_of_its_status(rig: Rig) -> None:
    rig.handle = lambda request: httpx2.Response(400, text='{"error":' * 100_000)
    with pytest.raises(errors.BadRequestError) as caught:
        rig.run(retrieve_file(file_id="file-1"))
    assert caught.value.code is None


def test_an_answer_nested_deeper_than_python_can_read_is_no_answer(rig: Rig) -> None:
    rig.handle = lambda request: httpx2.Response(
        200, text='{"id":' * 100_000, headers={"content-type": "application/json"}
    )
    with pytest.raises(errors.SDKValidationError):
        rig.run(retrieve_file(file_id="file-1"))


def test_ordinary_options_are_taken(rig: Rig) -> None:
    rig.handle = lambda request: envelope(404, "No such File")
    options = RequestOptions(timeout_ms=1, retry_codes=("429", "5XX"), http_headers={"X-Trace": "a b\tc"})
    with pytest.raises(errors.NotFoundError):
        rig.run(retrieve_file(file_id="file-1", options=options))
