"""A disk with no room left. Conformance case 78, and Parts and Files that do not fit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disks import fill, mounted
from tests.e2e.sockets import FORM, answer, connected, head
from tests.e2e.wire import (
    add_file,
    add_part,
    begun,
    content_of,
    create,
    good,
    refused,
    send_complete,
    send_file,
    send_part,
    speaking,
    status_of,
)
from tests.serving import serving

MIB = 1024 * 1024
DISK = 24 * MIB


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file system of its own, of 24 MiB."""
    with mounted(tmp_path / "small-disk", size=DISK) as folder:
        yield folder


def test_a_part_that_does_not_fit_leaves_nothing_and_everything_else_goes_on(small_disk: Path) -> None:
    data, ballast = small_disk / "data", small_disk / "ballast"
    with (
        serving(data, env={"HEAVYLIFT_DISK_RESERVE": str(4 * MIB), "HEAVYLIFT_DELETE_GRACE": "0"}) as served,
        speaking(served.url, served.key) as api,
    ):
        file = add_file(api, b"there before")["id"]
        upload = create(api, 3 * MIB)["id"]
        first = add_part(api, upload, bytes(MIB))
        before = set(served.blobs())
        fill(ballast, leave=5 * MIB)
        for found in (send_part(api, upload, bytes(2 * MIB)), send_file(api, bytes(2 * MIB))):
            refused(found, 507, code="insufficient_storage", param=None, says="no room")
        assert set(served.blobs()) == before
        assert good(api.get(f"/uploads/{upload}"))["parts_count"] == 1
        assert status_of(api, upload) == "pending"
        assert content_of(api, file) == b"there before"
        assert good(api.delete(f"/files/{file}"))["deleted"] is True
        ballast.unlink()
        second = add_part(api, upload, bytes(2 * MIB))
        done = good(send_complete(api, upload, [first, second]))
        assert content_of(api, done["file"]["id"]) == bytes(3 * MIB)


def test_case_078_a_disk_full_while_completing_leaves_the_upload_pending(small_disk: Path) -> None:
    data, ballast = small_disk / "data", small_disk / "ballast"
    settings = {"HEAVYLIFT_DISK_RESERVE": "0"}
    with serving(data, env=settings) as served, speaking(served.url, served.key) as api:
        upload, parts = begun(api, b"abc", b"def")
    # A fresh start, so that the catalog's log is short and has to grow for the next transaction.
    with serving(data, env=settings) as served, speaking(served.url, served.key) as api:
        assert status_of(api, upload) == "pending"
        fill(ballast, leave=0)
        found = send_complete(api, upload, parts)
        refused(found, 507, code="insufficient_storage", param=None, says="no room")
        assert status_of(api, upload) == "pending"
        assert good(api.get("/files"))["data"] == []
        ballast.unlink()
        done = good(send_complete(api, upload, parts))
        assert content_of(api, done["file"]["id"]) == b"abcdef"


def test_parts_that_a_full_catalog_refuses_are_not_kept_and_soon_not_even_taken(
    small_disk: Path, tmp_path: Path
) -> None:
    """The blobs have all the room they want: only their facts have none."""
    ballast = small_disk / "ballast"
    settings = {"HEAVYLIFT_CATALOG": f"sqlite:///{small_disk}/catalog.sqlite"}
    with serving(tmp_path / "data", env=settings) as served, speaking(served.url, served.key) as api:
        upload = create(api, 3 * MIB)["id"]
    # A fresh start, so that the catalog's log is short and has to grow for the next transaction.
    with serving(tmp_path / "data", env=settings) as served, speaking(served.url, served.key) as api:
        fill(ballast, leave=0)
        for send in (lambda: send_part(api, upload, bytes(MIB)), lambda: send_file(api, bytes(MIB))):
            refused(send(), 507, code="insufficient_storage", param=None, says="Nothing was kept")
        assert served.blobs() == []
        for path, kind in ((f"uploads/{upload}/parts", "application/octet-stream"), ("files", FORM)):
            with connected(served.port) as connection:  # and no byte of the body follows
                announced = {"Content_Type": kind, "Content_Length": MIB}
                connection.sendall(head("POST", f"/v1/{path}", served.key, **announced))
                refused(answer(connection), 507, code="insufficient_storage", param=None)
        ballast.unlink()
        add_part(api, upload, bytes(MIB))
        assert len(served.blobs()) == 1
