"""Where an answer sends elsewhere: followed as RFC 9110 allows, the key to the same origin alone."""

import httpx2
import pytest

from heavylift.client import errors
from heavylift.client.operations.files import create_file, delete_file, retrieve_file
from tests.client.rig import URL, Rig

FILE = {"id": "file-1", "bytes": 3, "created_at": 1, "filename": "a", "purpose": "user_data"}


def sends(status: int, to: str) -> httpx2.Response:
    return httpx2.Response(status, headers={"location": to})


def scripted(rig: Rig, *answers: httpx2.Response) -> list[httpx2.Request]:
    rest, seen = list(answers), list[httpx2.Request]()

    def handle(request: httpx2.Request) -> httpx2.Response:
        request.read()
        seen.append(request)
        return rest.pop(0)

    rig.handle = handle
    return seen


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_reading_is_followed_to_the_same_origin_with_the_key(rig: Rig, status: int):
    seen = scripted(rig, sends(status, "/v1/moved"), httpx2.Response(200, json=FILE))
    assert rig.run(retrieve_file(file_id="file-1")).id == "file-1"
    assert str(seen[1].url) == f"{URL}/moved"
    assert seen[1].headers["authorization"] == seen[0].headers["authorization"]


@pytest.mark.parametrize(
    "to", ["http://other.test/v1/f", "http://server.test:81/v1/f", "https://server.test/v1/f"]
)
def test_another_origin_does_not_get_the_key(rig: Rig, to: str):
    seen = scripted(rig, sends(307, to), httpx2.Response(200, json=FILE))
    rig.run(retrieve_file(file_id="file-1"))
    assert str(seen[1].url) == to
    assert "authorization" not in seen[1].headers


@pytest.mark.parametrize("status", [307, 308])
def test_a_body_goes_along_where_the_method_is_kept(rig: Rig, status: int):
    seen = scripted(rig, sends(status, "/v1/there"), httpx2.Response(200, json=FILE))
    rig.run(create_file(file=b"abc", purpose="user_data", filename="a"))
    assert seen[1].method == "POST"
    assert b"abc" in seen[1].content


@pytest.mark.parametrize("status", [301, 302, 303])
def test_what_is_no_reading_is_not_followed_where_the_method_may_change(rig: Rig, status: int):
    scripted(rig, sends(status, "https://server.test/v1/files/file-1"))
    with pytest.raises(errors.SDKError, match=r"https://server\.test/v1/files/file-1") as caught:
        rig.run(delete_file(file_id="file-1"))
    assert caught.value.status_code == status


@pytest.mark.parametrize("to", ["", "ftp://server.test/x", "http://["])
def test_what_leads_nowhere_is_told(rig: Rig, to: str):
    scripted(rig, sends(302, to))
    with pytest.raises(errors.SDKError, match="redirect"):
        rig.run(retrieve_file(file_id="file-1"))


def test_a_circle_ends(rig: Rig):
    seen = scripted(rig, *[sends(307, "/v1/files/file-1")] * 50)
    with pytest.raises(errors.SDKError, match="redirect"):
        rig.run(retrieve_file(file_id="file-1"))
    assert len(seen) == 6


@pytest.mark.parametrize("to", ["http://server.test:80/v1/f", "http://me:secret@server.test/v1/f"])
def test_the_same_origin_may_be_spelled_otherwise_and_nobody_is_named_by_it(rig: Rig, to: str):
    seen = scripted(rig, sends(307, to), httpx2.Response(200, json=FILE))
    rig.run(retrieve_file(file_id="file-1"))
    assert seen[1].headers["authorization"] == "Bearer sk-secret"
    assert seen[1].url.userinfo == b""


def test_a_password_in_a_redirect_is_not_sent_to_the_other_origin(rig: Rig):
    seen = scripted(rig, sends(307, "http://me:secret@other.test/v1/f"), httpx2.Response(200, json=FILE))
    rig.run(retrieve_file(file_id="file-1"))
    assert "authorization" not in seen[1].headers
