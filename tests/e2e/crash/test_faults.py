"""A disk that fails or is full, call by call: an honest answer, no debris, and the service goes on."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from heavylift.service.sweeper import POSTPONED
from tests.e2e.crash.calls import attempt
from tests.e2e.crash.faults import failing
from tests.e2e.crash.shelf import check_disk, sweep
from tests.e2e.wire import (
    add_file,
    begun,
    create,
    description,
    eventually,
    good,
    refused,
    send_complete,
    send_file,
    send_part,
    speaking,
)
from tests.serving import Served, serving

ANSWERS = {"EIO": (503, "storage_unavailable"), "ENOSPC": (507, "insufficient_storage")}
"""What each error of the disk is told as."""

BLOBS = ("openat", "writev", "fdatasync", "fsync")
"""The calls that put a blob on the disk."""

BODY = os.urandom(100_000)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("faults")
    with serving(data, env={"HEAVYLIFT_DELETE_GRACE": "0"}) as served:
        yield served
    sweep(data)
    check_disk(data)


@pytest.fixture
def api(served: Served) -> Iterator[httpx2.Client]:
    with speaking(served.url, served.key) as api:
        yield api


def judge(answer: httpx2.Response, error: str) -> None:
    """The error is told as what it is, in the envelope."""
    status, code = ANSWERS[error]
    refused(answer, status, code=code, param=None)


@pytest.mark.parametrize("error", ANSWERS)
@pytest.mark.parametrize("call", BLOBS)
@pytest.mark.parametrize("operation", ["part", "file"])
def test_a_blob_that_the_disk_refuses_leaves_no_trace_and_the_next_try_works(
    *, served: Served, api: httpx2.Client, tmp_path: Path, operation: str, call: str, error: str
) -> None:
    upload = create(api, len(BODY))["id"]
    send: Callable[[], httpx2.Response] = {
        "part": lambda: send_part(api, upload, BODY),
        "file": lambda: send_file(api, BODY),
    }[operation]
    before = set(served.blobs())
    with failing(served.pid, call, error, log=tmp_path / "log"):
        judge(send(), error)
    assert set(served.blobs()) == before
    good(send())
    assert len(set(served.blobs()) - before) == 1
    good(api.post(f"/uploads/{upload}/cancel"))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("pwrite64", "EIO"),
        ("pwrite64", "ENOSPC"),
        ("fdatasync", "EIO"),
    ],  # of a full sync SQLite says only EIO
)
@pytest.mark.parametrize("operation", ["create", "part", "complete", "cancel", "file", "delete"])
def test_a_fact_that_the_disk_refuses_is_not_one_and_the_next_try_works(
    *, served: Served, api: httpx2.Client, tmp_path: Path, operation: str, call: str, error: str
) -> None:
    upload, ids = begun(api, BODY[:1000], BODY[1000:])
    half = create(api, len(BODY))["id"]
    file = add_file(api, BODY)["id"]
    send: Callable[[], httpx2.Response] = {
        "create": lambda: api.post("/uploads", json=description(1)),
        "part": lambda: send_part(api, half, BODY),
        "complete": lambda: send_complete(api, upload, ids),
        "cancel": lambda: api.post(f"/uploads/{upload}/cancel"),
        "file": lambda: send_file(api, BODY),
        "delete": lambda: api.delete(f"/files/{file}"),
    }[operation]
    with failing(served.pid, call, error, log=tmp_path / "log", path=served.data / "catalog.sqlite-wal"):
        judge(send(), error)
        assert good(api.get(f"/files/{file}"))["bytes"] == len(BODY)
        assert good(api.get(f"/uploads/{upload}"))["status"] == "pending"
    good(send())
    good(api.post(f"/uploads/{half}/cancel"))


def test_a_file_that_cannot_be_read_is_an_error_and_never_a_torso(
    served: Served, api: httpx2.Client, tmp_path: Path
) -> None:
    before = set(served.blobs())
    file = add_file(api, BODY)["id"]
    [blob] = set(served.blobs()) - before
    with failing(served.pid, "pread64,sendfile", "EIO", log=tmp_path / "log", path=blob):
        answer = attempt(lambda: api.get(f"/files/{file}/content"))
        assert answer is None or answer.status_code == 503
    assert api.get(f"/files/{file}/content").content == BODY


def test_bytes_that_cannot_be_deleted_are_deleted_later_and_keep_no_others(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with (
        serving(data, env={"HEAVYLIFT_DELETE_GRACE": "0"}) as served,
        speaking(served.url, served.key) as api,
    ):
        file = add_file(api, BODY)["id"]
        [blob] = served.blobs()
        with failing(served.pid, "unlink", "EIO", log=tmp_path / "log", path=blob):
            good(api.delete(f"/files/{file}"))
            eventually(lambda: bool(served.told("sweep.stuck")))
            good(api.delete(f"/files/{add_file(api, b'another')['id']}"))
            eventually(lambda: served.blobs() == [blob])
        [stuck] = served.told("sweep.stuck")
        assert list(stuck["blobs"]) == [blob.name]
    sweep(data)
    assert blob.exists()  # not tried again at once
    sweep(data, later=POSTPONED)
    check_disk(data)
    assert not blob.exists()


def test_a_disk_that_has_become_read_only_ends_the_round_and_puts_nothing_off(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with (
        serving(data, env={"HEAVYLIFT_DELETE_GRACE": "0"}) as served,
        speaking(served.url, served.key) as api,
    ):
        file = add_file(api, BODY)["id"]
        [blob] = served.blobs()
        with failing(served.pid, "unlink", "EROFS", log=tmp_path / "log"):
            good(api.delete(f"/files/{file}"))
            eventually(lambda: bool(served.told("sweep.failed") or served.told("sweep.stuck")))
        assert not served.told("sweep.stuck")
        assert blob.exists()
    sweep(data)
    check_disk(data)
    assert not blob.exists()
