"""Conformance cases 77 to 85: crash, cancel, expiry. Case 78, the full disk, has a module of its own."""

import threading
from pathlib import Path

import httpx2
import pytest

from tests.e2e.clocked import Clocked
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
    speaking,
    status_of,
)
from tests.installations import COMBINATIONS, Installation
from tests.serving import serving, start

pytestmark = pytest.mark.stores(*COMBINATIONS)


def test_case_077_a_kill_in_the_middle_of_completing_loses_no_byte(new_installation: Installation) -> None:
    served = start(new_installation.folder, env=new_installation.env)
    answered: dict[str, str] = {}
    one_done = threading.Event()
    with speaking(served.url, served.key) as api:
        uploads = [begun(api, bytes([n]) * 5000, b"%d" % n) for n in range(24)]

        def finish(mine: list[tuple[str, list[str]]]) -> None:
            with speaking(served.url, served.key) as own:
                for upload, parts in mine:
                    try:
                        answered[upload] = good(send_complete(own, upload, parts))["file"]["id"]
                    except httpx2.TransportError:
                        return
                    one_done.set()

        threads = [threading.Thread(target=finish, args=(uploads[n::4],)) for n in range(4)]
        for thread in threads:
            thread.start()
        assert one_done.wait(60)
        served.kill()
        for thread in threads:
            thread.join(60)
    served.close()
    with (
        serving(new_installation.folder, env=new_installation.env) as again,
        speaking(again.url, again.key) as api,
    ):
        for number, (upload, parts) in enumerate(uploads):
            if upload in answered:
                assert status_of(api, upload) == "completed"
            done = good(send_complete(api, upload, parts))
            assert done["file"]["id"] == answered.get(upload, done["file"]["id"])
            assert content_of(api, done["file"]["id"]) == bytes([number]) * 5000 + b"%d" % number


def test_case_079_a_cancelled_upload_lets_go_of_its_parts(timed: tuple[Clocked, httpx2.Client]) -> None:
    service, api = timed
    upload, parts = begun(api, b"abc", b"def")
    assert len(service.blobs()) == 2
    cancelled = good(api.post(f"/uploads/{upload}/cancel"))
    assert cancelled["status"] == "cancelled"
    assert "file" not in cancelled
    assert good(api.get(f"/uploads/{upload}/parts"))["data"] == []
    refused(send_complete(api, upload, parts), 400, code="upload_cancelled", param="upload_id")
    service.clock.now += 3600
    eventually(lambda: service.blobs() == [])


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_case_080_cancel_with_a_json_content_type_and_no_body_is_fine(
    api: httpx2.Client, body: bytes
) -> None:
    upload = create(api, 3)["id"]
    headers = {"Content-Type": "application/json"}
    assert good(api.post(f"/uploads/{upload}/cancel", content=body, headers=headers))["status"] == "cancelled"


def test_case_081_cancelling_twice_is_fine(api: httpx2.Client) -> None:
    upload = create(api, 3)["id"]
    first = good(api.post(f"/uploads/{upload}/cancel"))
    assert good(api.post(f"/uploads/{upload}/cancel")) == first


def test_case_082_a_completed_upload_cannot_be_cancelled_and_its_file_stays(api: httpx2.Client) -> None:
    done = completed(api, b"abc")
    found = api.post(f"/uploads/{done['id']}/cancel")
    refused(found, 400, code="upload_completed", param="upload_id", says="cancelled")
    assert content_of(api, done["file"]["id"]) == b"abc"


def test_case_083_an_unknown_upload_cannot_be_cancelled(api: httpx2.Client) -> None:
    found = api.post("/uploads/upload_unknown/cancel")
    refused(
        found, 404, code="upload_not_found", param="upload_id", says="No such Upload object: upload_unknown"
    )


def test_case_084_an_expired_upload_is_refused_and_its_parts_are_collected(
    timed: tuple[Clocked, httpx2.Client],
) -> None:
    service, api = timed
    upload, parts = begun(api, b"abc", b"def")
    assert len(service.blobs()) == 2
    service.clock.now += 3601
    refused(send_part(api, upload, b"x"), 400, code="upload_expired", param="upload_id")
    refused(send_complete(api, upload, parts), 400, code="upload_expired", param="upload_id")
    refused(api.post(f"/uploads/{upload}/cancel"), 400, code="upload_expired", param="upload_id")
    eventually(lambda: service.blobs() == [])
    assert status_of(api, upload) == "expired"


def test_case_085_the_last_second_counts_and_the_next_does_not(timed: tuple[Clocked, httpx2.Client]) -> None:
    service, api = timed
    upload = create(api, 3)["id"]
    began = service.clock.now
    service.clock.now = began + 3599
    part = add_part(api, upload, b"abc")
    service.clock.now = began + 3601
    refused(send_complete(api, upload, [part]), 400, code="upload_expired", param="upload_id")


def test_case_085_the_deadline_holds_in_a_real_process_too(tmp_path: Path) -> None:
    with (
        serving(tmp_path, env={"HEAVYLIFT_UPLOAD_SECONDS": "1"}) as served,
        speaking(served.url, served.key) as api,
    ):
        upload = create(api, 3)
        assert upload["expires_at"] == upload["created_at"] + 1
        eventually(lambda: status_of(api, upload["id"]) == "expired")
        refused(send_part(api, upload["id"], b"x"), 400, code="upload_expired", param="upload_id")


def test_the_server_under_test_has_no_debris(api: httpx2.Client, installed: Installation) -> None:
    """What the refusals before this left: nothing beyond the Parts that were acknowledged."""
    upload = create(api, 3)["id"]
    before = len(installed.blobs())
    refused(send_part(api, upload, b""), 400, code=None, param="data", says="empty")
    refused(send_part(api, upload, bytes(67108865)), 413, code="part_too_large", param="data")
    assert len(installed.blobs()) <= before
