"""Conformance cases 25 to 50: adding Parts."""

import http.client
import json
import os
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.e2e.clocked import Clocked
from tests.e2e.sockets import FORM, answer, ask, connected, form, head
from tests.e2e.wire import (
    add_part,
    begun,
    completed,
    content_of,
    create,
    eventually,
    good,
    refused,
    send_complete,
    send_part,
    status_of,
)
from tests.installations import COMBINATIONS, Installation
from tests.serving import Served

pytestmark = pytest.mark.stores(*COMBINATIONS)

MOST = 67108864


def post_form(api: httpx2.Client, upload: str, body: bytes, content_type: str = FORM) -> httpx2.Response:
    return api.post(f"/uploads/{upload}/parts", content=body, headers={"Content-Type": content_type})


def parts_of(api: httpx2.Client, upload: str) -> list[str]:
    return [part["id"] for part in good(api.get(f"/uploads/{upload}/parts"))["data"]]


def kept(api: httpx2.Client, upload: str, parts: list[str]) -> bytes:
    """What the Upload's file holds, once completed out of those Parts."""
    done = good(send_complete(api, upload, parts))
    return content_of(api, done["file"]["id"])


def test_case_025_a_part_in_the_field_data_is_stored(api: httpx2.Client) -> None:
    upload = create(api, 5)["id"]
    part = good(send_part(api, upload, b"hello"))
    assert part["object"] == "upload.part"
    assert part["id"].startswith("part_")
    assert part["upload_id"] == upload
    assert isinstance(part["created_at"], int)
    assert part["bytes"] == 5
    assert kept(api, upload, [part["id"]]) == b"hello"


def test_case_026_data_may_be_a_plain_text_field(api: httpx2.Client) -> None:
    upload = create(api, 5)["id"]
    part = good(post_form(api, upload, form(('name="data"', b"hello"))))
    assert kept(api, upload, [part["id"]]) == b"hello"


@pytest.mark.parametrize(
    "name", ['filename="blob"', 'filename="upload"', 'filename="größe 文.bin"', "filename=x"]
)
def test_case_027_any_filename_of_the_field_is_fine(api: httpx2.Client, name: str) -> None:
    upload = create(api, 3)["id"]
    part = good(post_form(api, upload, form((f'name="data"; {name}', b"abc"))))
    assert kept(api, upload, [part["id"]]) == b"abc"


@pytest.mark.parametrize("kind", ["text/plain", "image/png", None, "application/json"])
def test_case_028_the_fields_own_content_type_is_ignored(api: httpx2.Client, kind: str | None) -> None:
    upload = create(api, 3)["id"]
    parameters = 'name="data"; filename="f"' + (f"\r\nContent-Type: {kind}" if kind else "")
    assert good(post_form(api, upload, form((parameters, b"abc"))))["bytes"] == 3


def test_case_029_chunked_transfer_encoding_without_a_length_is_fine(api: httpx2.Client) -> None:
    upload = create(api, 9)["id"]
    body = form(('name="data"; filename="f"', b"123456789"))
    chunked = (body[at : at + 7] for at in range(0, len(body), 7))
    part = good(api.post(f"/uploads/{upload}/parts", content=chunked, headers={"Content-Type": FORM}))
    assert kept(api, upload, [part["id"]]) == b"123456789"


def test_case_030_a_part_of_exactly_64_mib_is_stored(api: httpx2.Client) -> None:
    upload = create(api, MOST)["id"]
    data = os.urandom(1024) * (MOST // 1024)
    assert kept(api, upload, [add_part(api, upload, data)]) == data


def test_case_031_a_part_over_the_limit_is_refused_and_the_connection_goes_on(
    api: httpx2.Client, server: Served, installed: Installation
) -> None:
    upload = create(api, MOST)["id"]
    blobs = set(installed.blobs())
    body = form(('name="data"; filename="f"', bytes(MOST + 1)))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        headers = {"Authorization": f"Bearer {server.key}", "Content-Type": FORM}
        connection.request("POST", f"/v1/uploads/{upload}/parts", body, headers)
        used = connection.sock
        raw = connection.getresponse()
        found = httpx2.Response(raw.status, headers=raw.getheaders(), content=raw.read())
        refused(found, 413, code="part_too_large", param="data", says=str(MOST))
        connection.request("GET", f"/v1/uploads/{upload}", headers=headers)
        assert json.loads(connection.getresponse().read())["parts_count"] == 0
        assert connection.sock is used
    finally:
        connection.close()
    assert set(installed.blobs()) <= blobs


def test_case_032_a_length_far_above_the_limit_is_refused_before_the_body_is_read(
    api: httpx2.Client, server: Served
) -> None:
    upload = create(api, 10)["id"]
    path = f"/v1/uploads/{upload}/parts"
    for kind in (FORM, "application/octet-stream"):
        found = ask(server.port, head("POST", path, server.key, Content_Type=kind, Content_Length=10**11))
        refused(found, 413, code="part_too_large", param="data")


def test_case_033_an_empty_form_is_refused(api: httpx2.Client) -> None:
    upload = create(api, 10)["id"]
    refused(post_form(api, upload, b"--cut-here--\r\n"), 400, code="malformed_body", param="data")


def test_case_034_a_part_of_no_bytes_is_refused(api: httpx2.Client) -> None:
    upload = create(api, 10)["id"]
    refused(send_part(api, upload, b""), 400, code=None, param="data", says="empty")
    assert parts_of(api, upload) == []


def test_case_035_the_field_file_instead_of_data_is_refused(api: httpx2.Client) -> None:
    upload = create(api, 10)["id"]
    found = api.post(f"/uploads/{upload}/parts", files={"file": b"abc"})
    refused(found, 400, code="unknown_parameter", param="file")


def test_case_036_two_fields_data_are_refused(api: httpx2.Client) -> None:
    upload = create(api, 10)["id"]
    field = ('name="data"; filename="f"', b"abc")
    refused(post_form(api, upload, form(field, field)), 400, code="malformed_body", param="data")
    assert parts_of(api, upload) == []


def test_case_037_a_further_field_is_refused_before_or_behind_data(api: httpx2.Client) -> None:
    upload = create(api, 10)["id"]
    data, extra = ('name="data"; filename="f"', b"abc"), ('name="extra"', b"x")
    for fields in ((data, extra), (extra, data)):
        refused(post_form(api, upload, form(*fields)), 400, code="unknown_parameter", param="extra")
    assert parts_of(api, upload) == []


def test_case_038_json_instead_of_a_form_is_refused(api: httpx2.Client) -> None:
    upload = create(api, 10)["id"]
    found = api.post(f"/uploads/{upload}/parts", json={"data": "abc"})
    refused(found, 400, code="malformed_body", param="data", says="multipart/form-data")
    refused(api.post(f"/uploads/{upload}/parts"), 400, code="malformed_body", param="data")


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary="']
)
def test_case_039_a_form_without_a_boundary_is_refused(api: httpx2.Client, kind: str) -> None:
    upload = create(api, 10)["id"]
    body = form(('name="data"; filename="f"', b"abc"))
    refused(post_form(api, upload, body, kind), 400, code="malformed_body", param="data")


def test_case_040_a_truncated_form_is_refused_and_nothing_is_stored(
    api: httpx2.Client, installed: Installation
) -> None:
    upload = create(api, 3)["id"]
    blobs = set(installed.blobs())
    body = form(('name="data"; filename="f"', b"abc"))
    for end in (1, 30, len(body) // 2, len(body) - 14, len(body) - 5):
        refused(post_form(api, upload, body[:end]), 400, code="malformed_body", param="data")
    assert parts_of(api, upload) == []
    assert set(installed.blobs()) <= blobs


def test_case_041_a_client_that_leaves_in_the_middle_leaves_nothing_behind(
    api: httpx2.Client, server: Served
) -> None:
    upload = create(api, 3)["id"]
    path = f"/v1/uploads/{upload}/parts"
    with connected(server.port) as connection:
        connection.sendall(head("POST", path, server.key, Content_Type=FORM, Content_Length=10_000_000))
        connection.sendall(form(('name="data"; filename="f"', bytes(3_000_000)), closed=False))
    eventually(lambda: (path, 499) in [(line["path"], line["status"]) for line in server.told("request")])
    assert parts_of(api, upload) == []
    assert status_of(api, upload) == "pending"
    assert kept(api, upload, [add_part(api, upload, b"abc")]) == b"abc"


@pytest.mark.parametrize("upload", ["upload_unknown", "upload_" + "0" * 22, "file-x", "%00", "ü"])
def test_case_042_a_part_to_an_unknown_upload_is_refused(api: httpx2.Client, upload: str) -> None:
    found = send_part(api, upload, b"abc")
    refused(found, 404, code="upload_not_found", param="upload_id", says="No such Upload object: ")


def test_case_043_a_part_to_a_completed_upload_is_refused(api: httpx2.Client) -> None:
    upload = completed(api, b"abc")
    found = send_part(api, upload["id"], b"more")
    refused(found, 400, code="upload_completed", param="upload_id", says="completed")
    assert content_of(api, upload["file"]["id"]) == b"abc"


def test_case_044_a_part_to_a_cancelled_upload_is_refused(api: httpx2.Client) -> None:
    upload = create(api, 3)["id"]
    good(api.post(f"/uploads/{upload}/cancel"))
    refused(send_part(api, upload, b"abc"), 400, code="upload_cancelled", param="upload_id")
    assert status_of(api, upload) == "cancelled"


def test_case_045_a_part_after_the_deadline_is_refused(timed: tuple[Clocked, httpx2.Client]) -> None:
    service, api = timed
    upload = create(api, 3)["id"]
    service.clock.now += 3600
    refused(send_part(api, upload, b"abc"), 400, code="upload_expired", param="upload_id", says="expired")
    assert status_of(api, upload) == "expired"


def test_case_046_eight_parts_in_parallel_are_all_stored_intact(api: httpx2.Client) -> None:
    pieces = [bytes([number]) * 300_000 for number in range(8)]
    upload = create(api, sum(map(len, pieces)))["id"]
    with ThreadPoolExecutor(8) as threads:
        parts = list(threads.map(lambda piece: add_part(api, upload, piece), pieces))
    assert len(set(parts)) == 8
    assert kept(api, upload, parts) == b"".join(pieces)


def test_case_047_the_same_bytes_twice_are_two_parts(api: httpx2.Client) -> None:
    upload, parts = begun(api, b"same", b"same")
    assert len(set(parts)) == 2
    assert kept(api, upload, parts) == b"samesame"


def test_case_048_more_than_a_pending_upload_may_hold_is_refused(small_api: httpx2.Client) -> None:
    upload = create(small_api, 4000, purpose="evals")["id"]
    parts = [add_part(small_api, upload, bytes(1000)) for _ in range(6)]
    found = send_part(small_api, upload, b"x")
    refused(found, 400, code="upload_too_large", param="data", says="6000")
    assert kept(small_api, upload, parts[1:5]) == bytes(4000)


def test_case_048_more_parts_than_an_upload_may_hold_are_refused(small_api: httpx2.Client) -> None:
    upload = create(small_api, 12, purpose="evals")["id"]
    parts = [add_part(small_api, upload, b"x") for _ in range(12)]
    refused(send_part(small_api, upload, b"x"), 400, code="too_many_parts", param="upload_id", says="12")
    assert kept(small_api, upload, parts) == b"x" * 12


def test_case_049_a_part_of_one_byte_is_stored(api: httpx2.Client) -> None:
    upload, parts = begun(api, b"1", b"2")
    assert kept(api, upload, parts) == b"12"


def test_case_050_a_raw_body_is_a_part_too_as_our_extension(api: httpx2.Client, server: Served) -> None:
    """The protocol's list leaves this number free: it goes to the extension of the parts URL."""
    upload = create(api, 6)["id"]
    path, raw = f"/uploads/{upload}/parts", {"Content-Type": "application/octet-stream"}
    first = good(api.post(path, content=b"raw", headers=raw))
    digest = raw | {"Content-MD5": "kAFQmDzST7DWlj99KOF/cg=="}
    second = good(api.post(path, content=iter([b"a", b"bc"]), headers=digest))
    wrong = api.post(path, content=b"xyz", headers=digest)
    refused(wrong, 400, code="digest_mismatch", param="Content-MD5")
    assert kept(api, upload, [first["id"], second["id"]]) == b"rawabc"
    with connected(server.port) as connection:
        connection.sendall(
            head("POST", f"/v1{path}", server.key, Content_Length=0, **{"Content-Type": raw["Content-Type"]})
        )
        refused(answer(connection), 400, code="upload_completed", param="upload_id")
