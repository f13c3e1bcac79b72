"""What is created is created once, and what was done is done, though the answer was lost. On both drivers."""

import httpx2
import pytest

from heavylift.client import errors
from heavylift.client.operations.files import create_file, delete_file, list_files
from heavylift.client.operations.uploads import cancel_upload, complete_upload, create_upload
from heavylift.client.options import RequestOptions
from heavylift.client.retries import BackoffStrategy, RetryConfig
from tests.client.rig import Rig, envelope

UPLOAD = {
    "id": "upload_1", "bytes": 3, "created_at": 1, "expires_at": 2, "filename": "a", "purpose": "batch",
}  # fmt: skip
FILE = {"id": "file-1", "bytes": 3, "created_at": 1, "filename": "a", "purpose": "user_data"}
HONOURS = {"heavylift-idempotency": "86400"}
LOST = httpx2.ReadError("reset")


class Server:
    """Answers in turn by method and path, and remembers the keys that came."""

    def __init__(self, **answers: list[httpx2.Response | Exception]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.keys: list[str | None] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        name = f"{request.method}_{request.url.path.rsplit('/', 1)[-1]}"
        self.asked.append(name)
        self.keys.append(request.headers.get("idempotency-key"))
        answer = self.answers[name].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def listing(**headers: str) -> httpx2.Response:
    return httpx2.Response(200, json={"object": "list", "data": []}, headers=headers)


def created(rig: Rig) -> object:
    return rig.run(create_file(file=b"abc", purpose="user_data", filename="a")).id


def test_a_creation_carries_a_key_and_other_calls_none(rig: Rig):
    rig.handle = server = Server(POST_files=[httpx2.Response(200, json=FILE)], GET_files=[listing()])
    created(rig)
    rig.run(list_files())
    assert server.keys == ["key-1", None]


def test_a_lost_creation_is_repeated_under_its_key_where_the_server_honours_it(rig: Rig):
    rig.handle = server = Server(
        POST_files=[LOST, httpx2.Response(200, json=FILE)], GET_files=[listing(**HONOURS)]
    )
    assert created(rig) == "file-1"
    assert server.asked == ["POST_files", "GET_files", "POST_files"]
    assert server.keys == ["key-1", None, "key-1"]


@pytest.mark.parametrize("lost", [LOST, httpx2.ReadTimeout(""), 502, 500], ids=str)
def test_a_lost_creation_is_not_repeated_blindly(rig: Rig, lost: int | Exception):
    answer = httpx2.Response(lost) if isinstance(lost, int) else lost
    rig.handle = server = Server(POST_files=[answer], GET_files=[listing()])
    with pytest.raises(errors.HeavyliftError) as caught:
        created(rig)
    assert "not known" in caught.value.__notes__[0]
    assert server.asked == ["POST_files", "GET_files"]


def test_what_cannot_have_arrived_is_repeated_anywhere(rig: Rig):
    rig.handle = server = Server(
        POST_uploads=[
            httpx2.ConnectError("no route"), httpx2.ConnectTimeout(""), httpx2.Response(429),
            httpx2.Response(503), httpx2.Response(200, json=UPLOAD | {"status": "pending"}),
        ]
    )  # fmt: skip
    rig.run(create_upload(filename="a", purpose="batch", bytes=3, mime_type="text/plain"))
    assert server.asked == ["POST_uploads"] * 5


def test_a_server_that_is_still_away_is_asked_until_it_says_whether_it_honours_keys(rig: Rig):
    rig.handle = server = Server(
        POST_files=[LOST, httpx2.Response(200, json=FILE)],
        GET_files=[
            httpx2.ConnectError("down"),
            httpx2.Response(502),
            httpx2.Response(429),
            listing(**HONOURS),
        ],
    )
    assert created(rig) == "file-1"
    assert server.asked == ["POST_files", *["GET_files"] * 4, "POST_files"]
    assert len(rig.pauses) == 4


def test_what_a_server_honours_is_asked_once(rig: Rig):
    rig.handle = server = Server(
        POST_files=[LOST, httpx2.Response(200, json=FILE), LOST, httpx2.Response(200, json=FILE)],
        GET_files=[listing(**HONOURS)],
    )
    created(rig)
    created(rig)
    assert server.asked.count("GET_files") == 1


def test_what_one_server_honours_says_nothing_of_another(rig: Rig):
    rig.handle = Server(POST_files=[LOST, httpx2.Response(200, json=FILE)], GET_files=[listing(**HONOURS)])
    created(rig)
    rig.handle = other = Server(POST_files=[LOST], GET_files=[listing()])
    there = RequestOptions(server_url="http://other.test/v1")
    with pytest.raises(errors.ConnectionError) as caught:
        rig.run(create_file(file=b"abc", purpose="user_data", filename="a", options=there))
    assert "not known" in caught.value.__notes__[0]
    assert other.asked == ["POST_files", "GET_files"]


def test_the_question_after_keys_goes_where_the_creation_went(rig: Rig):
    """A server that stands behind a redirect is the one that honours them."""

    def moved(path: str) -> httpx2.Response:
        return httpx2.Response(308, headers={"location": f"https://new.test/v1/{path}"})

    rig.handle = server = Server(
        POST_files=[moved("files"), LOST, moved("files"), httpx2.Response(200, json=FILE)],
        GET_files=[moved("files?limit=1"), listing(**HONOURS)],
    )
    assert created(rig) == "file-1"
    assert server.asked == [*["POST_files"] * 2, *["GET_files"] * 2, *["POST_files"] * 2]


def test_a_question_after_keys_that_leads_nowhere_ends_as_one_that_is_not_answered_with_yes(rig: Rig):
    circle = httpx2.Response(307, headers={"location": "/v1/files?limit=1"})
    rig.handle = Server(POST_files=[LOST], GET_files=[circle] * 6)
    with pytest.raises(errors.ConnectionError) as caught:
        created(rig)
    assert "not known" in caught.value.__notes__[0]


def test_a_refused_question_after_keys_is_asked_again_the_next_time(rig: Rig):
    rig.handle = Server(POST_files=[LOST], GET_files=[envelope(403, "This key may not list")])
    with pytest.raises(errors.ConnectionError):
        created(rig)
    rig.handle = Server(POST_files=[LOST, httpx2.Response(200, json=FILE)], GET_files=[listing(**HONOURS)])
    assert created(rig) == "file-1"


def test_a_file_that_is_gone_after_a_lost_deletion_was_deleted(rig: Rig):
    rig.handle = Server(**{"DELETE_file-1": [LOST, envelope(404, "No such File object: file-1")]})
    assert rig.run(delete_file(file_id="file-1")).deleted


def test_a_file_that_never_was_is_not_deleted(rig: Rig):
    rig.handle = Server(**{"DELETE_file-1": [httpx2.Response(503), envelope(404, "No such File")]})
    with pytest.raises(errors.NotFoundError):
        rig.run(delete_file(file_id="file-1"))


def test_a_deletion_without_a_body_is_one(rig: Rig):
    rig.handle = Server(**{"DELETE_file-1": [httpx2.Response(204)]})
    assert rig.run(delete_file(file_id="file-1")).id == "file-1"


CLOSED = envelope(400, "The Upload is closed")


@pytest.mark.parametrize(
    ("operation", "status"),
    [(lambda: complete_upload(upload_id="upload_1", part_ids=["p"]), "completed"),
     (lambda: cancel_upload(upload_id="upload_1"), "cancelled")],
    ids=["complete", "cancel"],
)  # fmt: skip
@pytest.mark.parametrize("found", [True, False], ids=["it was done", "it was something else"])
def test_a_refusal_after_a_lost_answer_is_looked_into(rig: Rig, operation, status: str, found: bool):
    name = {"completed": "POST_complete", "cancelled": "POST_cancel"}[status]
    stands = UPLOAD | {"status": status if found else "expired", "file": FILE if found else None}
    rig.handle = Server(
        **{
            name: [LOST, envelope(400, "The Upload is closed")],
            "GET_upload_1": [httpx2.Response(200, json=stands)],
        }
    )
    if found:
        assert rig.run(operation()).status == status
    else:
        with pytest.raises(errors.BadRequestError):
            rig.run(operation())


def test_an_upload_whose_file_was_deleted_is_not_taken_for_completed_now(rig: Rig):
    said = "Upload upload_1 was completed as File file-1, which has been deleted or has expired since."
    stands = UPLOAD | {"status": "completed"}
    rig.handle = Server(
        POST_complete=[LOST, envelope(400, said)], GET_upload_1=[httpx2.Response(200, json=stands)]
    )
    with pytest.raises(errors.BadRequestError, match="has been deleted"):
        rig.run(complete_upload(upload_id="upload_1", part_ids=["p"]))


def test_a_steady_failure_of_complete_ends_in_minutes(rig: Rig):
    from heavylift.client.calls import ask
    from heavylift.client.operations.uploads import completion
    from heavylift.client.options import NO_OPTIONS

    rig.handle = lambda request: httpx2.Response(500)
    with pytest.raises(errors.ServerError):
        rig.run(
            ask(completion(upload_id="upload_1", part_ids=["p"], md5=None, options=NO_OPTIONS, patient=True))
        )
    assert rig.seconds == 300


def test_a_hang_is_told_from_the_second_repetition_on_and_then_every_half_minute(
    rig: Rig, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("WARNING", logger="heavylift")
    backoff = BackoffStrategy(
        initial_interval=10_000, max_interval=10_000, exponent=1, max_elapsed_time=100_000
    )
    rig.set(retries=RetryConfig(backoff=backoff))
    rig.handle = Server(GET_files=[httpx2.Response(503)])
    once = RequestOptions(retries=RetryConfig("none"))
    with pytest.raises(errors.ServerError):
        rig.run(list_files(options=once))
    assert caplog.records == []
    rig.handle = lambda request: httpx2.Response(503)
    with pytest.raises(errors.ServerError):
        rig.run(list_files())
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert said[0].startswith("listFiles failed (503). The next attempt is in 10.")
