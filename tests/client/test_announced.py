"""Who is interrupted while an Upload is created gets the same one by the same call, and no second one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heavylift import Heavylift, RequestOptions, RetryConfig, Upload, errors
from tests.support.answers import Answer, Asked
from tests.support.stand_in import StandIn, stand_in_server

ONCE = RetryConfig("none")
CREATION = "POST /uploads"


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in_server() as running:
        running.extensions = True
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sent.bin"
    path.write_bytes(b"abc")
    return path


def upload(server: StandIn, path: Path, **wishes: Any) -> Upload:
    state = path.parent / "state"
    with Heavylift(server_url=server.url, api_key="k", retry_config=ONCE, state_folder=state) as client:
        return client.uploads.upload_file(file=path, purpose="batch", **wishes)


def journals(path: Path) -> list[Path]:
    return list((path.parent / "state" / "transfers").iterdir())


@pytest.fixture
def lost(server: StandIn, path: Path) -> StandIn:
    """The server has created the Upload, and nobody has heard of it."""
    lose_answer(server)
    with pytest.raises(errors.ConnectionError):
        upload(server, path)
    assert [known["status"] for known in server.uploads.values()] == ["pending"]
    return server


def lose_answer(server: StandIn) -> None:
    def lose(asked: Asked) -> Answer:
        server.keys[asked.headers["idempotency-key"]] = "upload_lost"
        server.uploads["upload_lost"] = {
            "id": "upload_lost",
            "bytes": 3,
            "filename": "sent.bin",
            "purpose": "batch",
            "status": "pending",
        }
        return Answer(body=b"{}", cut=1, by="RST")

    server.answers(CREATION, lose)


def keys(server: StandIn) -> list[str]:
    return [asked.headers["idempotency-key"] for asked in server.matching(CREATION)]


def test_the_upload_that_nobody_heard_of_is_the_one_that_is_gone_on_with(lost: StandIn, path: Path):
    assert upload(lost, path).id == "upload_lost"
    assert len(lost.uploads) == len(set(keys(lost))) == 1
    assert journals(path) == []


def test_another_size_is_another_upload(lost: StandIn, path: Path):
    path.write_bytes(b"abcd")
    assert upload(lost, path).bytes == 4
    assert len(set(keys(lost))) == 2


@pytest.mark.parametrize("status", ["expired", "cancelled", "completed"])
def test_one_that_is_over_meanwhile_is_not_gone_on_with(lost: StandIn, path: Path, status: str):
    lost.uploads["upload_lost"]["status"] = status
    assert upload(lost, path).id != "upload_lost"
    assert len(set(keys(lost))) == 2
    assert journals(path) == []


def test_a_key_that_belongs_to_another_request_is_made_anew(lost: StandIn, path: Path):
    lost.uploads["upload_lost"]["filename"] = "other.bin"
    assert upload(lost, path).status == "completed"


def test_a_refused_creation_leaves_no_journal(server: StandIn, path: Path):
    no = b'{"error": {"message": "no", "type": "invalid_request_error"}}'
    server.answers(CREATION, Answer(status=400, body=no))
    with pytest.raises(errors.BadRequestError):
        upload(server, path)
    assert journals(path) == []


def test_the_users_own_key_is_the_one_that_is_sent(server: StandIn, path: Path):
    upload(server, path, options=RequestOptions(http_headers={"idempotency-key": "mine"}))
    assert "mine" in keys(server)[0]
