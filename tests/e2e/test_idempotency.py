"""Idempotency-Key over real sockets: what is created twice under one key is there once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.e2e.wire import Json, add_part, description, good, refused, send_complete
from tests.installations import ENDS

pytestmark = pytest.mark.stores(*ENDS)

AT_ONCE = 8


def create(api: httpx2.Client, key: str, **changes: object) -> httpx2.Response:
    return api.post("/uploads", json=description(10, **changes), headers={"Idempotency-Key": key})


def post(api: httpx2.Client, key: str, data: bytes = b"posted", **fields: str) -> httpx2.Response:
    return api.post(
        "/files",
        data={"purpose": "user_data"} | fields,
        files={"file": ("a.bin", data)},
        headers={"Idempotency-Key": key},
    )


def files_of(api: httpx2.Client) -> list[str]:
    return [file["id"] for file in good(api.get("/files"))["data"]]


def test_the_same_creation_under_the_same_key_is_the_same_upload(api: httpx2.Client) -> None:
    first, second = good(create(api, "k1")), good(create(api, "k1"))
    assert first == second
    assert good(create(api, "k2"))["id"] != first["id"]


def test_an_upload_created_again_shows_where_it_stands_now(api: httpx2.Client) -> None:
    upload = good(create(api, "stands"))
    part = add_part(api, upload["id"], b"0123456789")
    done = good(send_complete(api, upload["id"], [part]))
    again = good(create(api, "stands"))
    assert (again["status"], again["file"]["id"]) == ("completed", done["file"]["id"])


def test_another_request_under_a_used_key_is_refused(api: httpx2.Client) -> None:
    good(create(api, "used"))
    other = create(api, "used", filename="other.jsonl")
    refused(other, 400, code="idempotency_key_reused", param="Idempotency-Key", says="new key")
    refused(post(api, "used"), 400, code="idempotency_key_reused", param="Idempotency-Key", says="new key")


def test_a_file_posted_twice_under_one_key_is_stored_once(api: httpx2.Client) -> None:
    before = len(files_of(api))
    first, second = good(post(api, "f1")), good(post(api, "f1"))
    assert first == second
    assert len(files_of(api)) == before + 1
    refused(
        post(api, "f1", b"other!"), 400, code="idempotency_key_reused", param="Idempotency-Key", says="key"
    )


def test_a_file_deleted_since_does_not_come_back(api: httpx2.Client) -> None:
    file = good(post(api, "gone"))
    good(api.delete(f"/files/{file['id']}"))
    refused(post(api, "gone"), 400, code="idempotency_key_reused", param="Idempotency-Key", says="deleted")


def test_many_at_once_make_one(api: httpx2.Client) -> None:
    gate = threading.Barrier(AT_ONCE)

    def one(number: int) -> Json:
        gate.wait()
        return good(post(api, "race") if number % 2 else create(api, "race-upload"))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = [answer["id"] for answer in pool.map(one, range(AT_ONCE))]
    assert len(set(made)) == 2


def test_a_key_belongs_to_its_project(api: httpx2.Client, alone: httpx2.Client) -> None:
    mine, theirs = good(create(api, "shared")), good(create(alone, "shared", filename="theirs.jsonl"))
    assert mine["id"] != theirs["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "t\tab"], ids=["empty", "long", "tab"])
def test_what_is_no_key_is_refused(api: httpx2.Client, key: str) -> None:
    refused(create(api, key), 400, code=None, param="Idempotency-Key", says="visible ASCII")


def test_two_keys_are_refused(api: httpx2.Client) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = api.post("/uploads", json=description(10), headers=headers)
    refused(answer, 400, code=None, param="Idempotency-Key", says="several")


def test_lists_tell_for_how_long_keys_are_honoured(api: httpx2.Client) -> None:
    for path in ("/files", "/uploads"):
        assert api.get(path).headers["heavylift-idempotency"] == "86400"
