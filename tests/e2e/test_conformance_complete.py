"""Conformance cases 51 to 76: completing an Upload."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.e2e.clocked import Clocked
from tests.e2e.wire import (
    Json,
    add_file,
    add_part,
    begun,
    completed,
    content_of,
    create,
    good,
    refused,
    send_complete,
    send_part,
    speaking,
    status_of,
)
from tests.installations import COMBINATIONS
from tests.serving import Served

pytestmark = pytest.mark.stores(*COMBINATIONS)


def files_of(api: httpx2.Client) -> list[Json]:
    return list(good(api.get("/files"))["data"])


def test_case_051_parts_in_order_become_a_file(api: httpx2.Client) -> None:
    done = completed(api, b"one ", b"two ", b"three")
    assert done["status"] == "completed"
    assert content_of(api, done["file"]["id"]) == b"one two three"


def test_case_052_parts_listed_in_reverse_are_joined_in_reverse(api: httpx2.Client) -> None:
    upload, parts = begun(api, b"one ", b"two ", b"three ")
    done = good(send_complete(api, upload, parts[::-1]))
    assert content_of(api, done["file"]["id"]) == b"three two one "


def test_case_053_parts_of_unequal_sizes_are_fine(api: httpx2.Client) -> None:
    pieces = (b"x" * 70_001, b"y", b"z" * 1234)
    assert content_of(api, completed(api, *pieces)["file"]["id"]) == b"".join(pieces)


def test_case_054_a_right_md5_in_lower_case_is_accepted(api: httpx2.Client) -> None:
    upload, parts = begun(api, b"hello ", b"world")
    done = good(send_complete(api, upload, parts, md5=hashlib.md5(b"hello world").hexdigest()))
    assert done["status"] == "completed"


def test_case_055_a_right_md5_in_upper_case_is_accepted(api: httpx2.Client) -> None:
    upload, parts = begun(api, b"hello ", b"world")
    digest = hashlib.md5(b"hello world").hexdigest()
    done = good(send_complete(api, upload, parts, md5=digest.upper()))
    assert good(send_complete(api, upload, parts, md5=digest)) == done


def test_case_056_a_wrong_md5_is_refused_and_the_upload_stays_pending(alone: httpx2.Client) -> None:
    upload, parts = begun(alone, b"hello ", b"world")
    wrong, right = hashlib.md5(b"else").hexdigest(), hashlib.md5(b"hello world").hexdigest()
    found = send_complete(alone, upload, parts, md5=wrong)
    refused(found, 400, code="md5_mismatch", param="md5", says=right)
    assert status_of(alone, upload) == "pending"
    assert files_of(alone) == []
    assert good(send_complete(alone, upload, parts, md5=right))["status"] == "completed"


@pytest.mark.parametrize("md5", ["", "zz", "g" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n", 7])
def test_case_057_an_md5_that_is_not_32_hex_digits_is_refused(api: httpx2.Client, md5: Any) -> None:
    upload, parts = begun(api, b"abc")
    refused(send_complete(api, upload, parts, md5=md5), 400, code=None, param="md5")
    assert status_of(api, upload) == "pending"


def test_case_058_a_digest_of_digests_is_not_the_files_md5(api: httpx2.Client) -> None:
    upload, parts = begun(api, b"abc", b"def")
    digests = hashlib.md5(b"abc").digest() + hashlib.md5(b"def").digest()
    etag = hashlib.md5(digests).hexdigest()
    refused(send_complete(api, upload, parts, md5=etag), 400, code="md5_mismatch", param="md5")
    refused(send_complete(api, upload, parts, md5=f"{etag}-2"), 400, code=None, param="md5")


def test_case_059_a_part_missing_from_the_list_is_refused_and_can_be_made_good(api: httpx2.Client) -> None:
    upload = create(api, 6)["id"]
    first = add_part(api, upload, b"abc")
    found = send_complete(api, upload, [first])
    message = refused(found, 400, code="bytes_mismatch", param="part_ids", says="expects 6 bytes")
    assert "hold 3: 3 are missing" in message
    assert status_of(api, upload) == "pending"
    second = add_part(api, upload, b"def")
    unlisted = refused(send_complete(api, upload, [first]), 400, code="bytes_mismatch", param="part_ids")
    assert second in unlisted
    done = good(send_complete(api, upload, [first, second]))
    assert content_of(api, done["file"]["id"]) == b"abcdef"


def test_case_060_too_many_bytes_are_refused_and_the_upload_stays_pending(api: httpx2.Client) -> None:
    upload = create(api, 3)["id"]
    parts = [add_part(api, upload, piece) for piece in (b"abc", b"d")]
    found = send_complete(api, upload, parts)
    refused(found, 400, code="bytes_mismatch", param="part_ids", says="hold 4: 1 are too many")
    assert good(send_complete(api, upload, parts[:1]))["status"] == "completed"


@pytest.mark.parametrize("unknown", ["part_unknown", "part_" + "0" * 22, "", "x" * 5000, "\x00"])
def test_case_061_an_unknown_part_is_refused(api: httpx2.Client, unknown: str) -> None:
    upload, parts = begun(api, b"abc")
    found = send_complete(api, upload, [*parts, unknown])
    refused(found, 400, code="part_not_found", param="part_ids")
    assert status_of(api, upload) == "pending"


def test_case_062_a_part_of_another_upload_is_as_unknown_as_any(api: httpx2.Client) -> None:
    foreign = begun(api, b"abc")[1][0]
    upload = create(api, 3)["id"]
    stranger = "part_" + "0" * 22
    messages = [
        refused(send_complete(api, upload, [part]), 400, code="part_not_found", param="part_ids").replace(
            part, ""
        )
        for part in (foreign, stranger)
    ]
    assert messages[0] == messages[1]


def test_case_063_the_same_part_twice_is_refused(api: httpx2.Client) -> None:
    upload = create(api, 6)["id"]
    part = add_part(api, upload, b"abc")
    refused(send_complete(api, upload, [part, part]), 400, code="duplicate_part", param="part_ids", says=part)


def test_case_064_an_empty_list_is_refused(api: httpx2.Client) -> None:
    upload, _ = begun(api, b"abc")
    found = send_complete(api, upload, [])
    refused(found, 400, code="bytes_mismatch", param="part_ids", says="0 listed Parts")


@pytest.mark.parametrize(
    "body", [{}, {"part_ids": "part_x"}, {"part_ids": None}, {"part_ids": [7]}, {"part_ids": {}}]
)
def test_case_065_part_ids_that_are_no_list_of_strings_are_refused(api: httpx2.Client, body: Json) -> None:
    upload, _ = begun(api, b"abc")
    found = api.post(f"/uploads/{upload}/complete", json=body)
    refused(found, 400, code=None, param="part_ids")
    refused(api.post(f"/uploads/{upload}/complete"), 400, code="malformed_body", param=None)


def test_case_066_an_unknown_key_is_refused_by_name(api: httpx2.Client) -> None:
    upload, parts = begun(api, b"abc")
    refused(send_complete(api, upload, parts, sha256="x"), 400, code="unknown_parameter", param="sha256")


def test_case_067_parts_that_are_not_listed_are_discarded(api: httpx2.Client) -> None:
    upload = create(api, 3)["id"]
    parts = [add_part(api, upload, piece) for piece in (b"abc", b"abc", b"blind retry")]
    done = good(send_complete(api, upload, [parts[1]]))
    assert content_of(api, done["file"]["id"]) == b"abc"
    assert [part["id"] for part in good(api.get(f"/uploads/{upload}/parts"))["data"]] == [parts[1]]


def test_case_068_the_same_complete_again_gives_the_same_answer(api: httpx2.Client) -> None:
    upload, parts = begun(api, b"abc", b"def")
    first = send_complete(api, upload, parts)
    again = send_complete(api, upload, parts)
    assert good(again) == good(first)


def test_case_069_another_complete_of_a_completed_upload_is_refused(api: httpx2.Client) -> None:
    upload, parts = begun(api, b"abc", b"def")
    file = good(send_complete(api, upload, parts))["file"]
    for found in (
        send_complete(api, upload, parts[::-1]),
        send_complete(api, upload, parts, md5=hashlib.md5(b"abcdef").hexdigest()),
    ):
        refused(found, 400, code="upload_completed", param="upload_id", says=file["id"])
    assert content_of(api, file["id"]) == b"abcdef"


def test_case_070_complete_after_cancel_is_refused(api: httpx2.Client) -> None:
    upload, parts = begun(api, b"abc")
    good(api.post(f"/uploads/{upload}/cancel"))
    refused(send_complete(api, upload, parts), 400, code="upload_cancelled", param="upload_id")


def test_case_070_complete_after_expiry_is_refused(timed: tuple[Clocked, httpx2.Client]) -> None:
    service, api = timed
    upload, parts = begun(api, b"abc")
    service.clock.now += 3601
    refused(send_complete(api, upload, parts), 400, code="upload_expired", param="upload_id")
    assert files_of(api) == []


def test_case_071_two_completes_at_once_make_one_file(alone: httpx2.Client) -> None:
    for _ in range(5):
        before = len(files_of(alone))
        upload, parts = begun(alone, b"abc", b"def")
        start = threading.Barrier(4)

        def attempt(upload: str = upload, parts: list[str] = parts, start: threading.Barrier = start) -> Json:
            start.wait()
            return good(send_complete(alone, upload, parts))

        with ThreadPoolExecutor(4) as threads:
            answers = [job.result() for job in [threads.submit(attempt) for _ in range(4)]]
        assert len({answer["file"]["id"] for answer in answers}) == 1
        assert len(files_of(alone)) == before + 1


def test_case_072_a_part_that_races_a_complete_is_whole_or_refused(server: Served) -> None:
    with speaking(server.url, server.key) as one, speaking(server.url, server.key) as other:
        for _ in range(10):
            upload, parts = begun(one, b"abc")
            start = threading.Barrier(2)

            def late(upload: str = upload, start: threading.Barrier = start) -> httpx2.Response:
                start.wait()
                return send_part(other, upload, b"late")

            with ThreadPoolExecutor(1) as threads:
                racing = threads.submit(late)
                start.wait()
                done = good(send_complete(one, upload, parts))
            found = racing.result()
            if found.status_code != 200:
                refused(found, 400, code="upload_completed", param="upload_id")
            assert content_of(one, done["file"]["id"]) == b"abc"
            assert status_of(one, upload) == "completed"


def test_case_073_the_answers_file_is_whole(api: httpx2.Client) -> None:
    done = completed(api, b"abc", filename="given name.txt")
    file = done["file"]
    assert file["id"].startswith("file-")
    assert file["object"] == "file"
    assert (file["bytes"], file["filename"], file["purpose"]) == (3, "given name.txt", "user_data")
    assert file["status"] == "processed"
    assert isinstance(file["created_at"], int)


def test_case_074_a_files_lifetime_runs_from_its_own_creation(timed: tuple[Clocked, httpx2.Client]) -> None:
    service, api = timed
    upload, parts = begun(api, b"abc", expires_after={"anchor": "created_at", "seconds": 86400})
    service.clock.now += 900
    done = good(send_complete(api, upload, parts))
    assert done["file"]["created_at"] == done["created_at"] + 900
    assert done["file"]["expires_at"] == done["file"]["created_at"] + 86400


def test_case_075_a_batch_file_lives_thirty_days_by_default(api: httpx2.Client) -> None:
    file = completed(api, b"{}\n", purpose="batch", filename="b.jsonl")["file"]
    assert file["expires_at"] == file["created_at"] + 2592000
    posted = add_file(api, b"{}\n", purpose="batch", filename="b.jsonl")
    assert posted["expires_at"] == posted["created_at"] + 2592000


@pytest.mark.parametrize("purpose", ["assistants", "fine-tune", "user_data", "evals"])
def test_case_076_files_of_other_purposes_are_kept(api: httpx2.Client, purpose: str) -> None:
    filename = "b.jsonl" if purpose == "fine-tune" else "b.txt"
    assert "expires_at" not in completed(api, b"{}\n", purpose=purpose, filename=filename)["file"]
