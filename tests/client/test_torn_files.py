"""A source that changes while one request carries it: no torn File stays, and none is called done."""

import json
from pathlib import Path

import httpx2
import pytest

from heavylift.client import checksums, errors
from heavylift.client.operations.files import create_file
from heavylift.client.operations.uploads import add_upload_part
from tests.client.rig import Rig, envelope
from tests.client.story import CONTENT


class Changing:
    """A server of posted files and parts before which the local file is changed, and which may keep all."""

    def __init__(self, path: Path, *, deletes: bool = True) -> None:
        self.path = path
        self.deletes = deletes
        self.files = {"file-1"}

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "DELETE":
            if not self.deletes:
                return envelope(403, "Not allowed to delete")
            self.files.clear()
            return httpx2.Response(200, json={"id": "file-1", "deleted": True})
        request.read()
        self.path.write_bytes(CONTENT[::-1] + b"more")
        about = {"id": "file-1", "created_at": 1, "filename": "f", "purpose": "batch", "bytes": len(CONTENT)}
        return httpx2.Response(200, content=json.dumps(about | {"upload_id": "upload_1"}))


def test_a_file_of_two_states_is_deleted_and_said_to_be(rig: Rig, path: Path) -> None:
    server = rig.handle = Changing(path)
    with pytest.raises(errors.FileChangedError) as caught:
        rig.run(create_file(file=path, purpose="batch"))
    assert server.files == set()
    assert caught.value.__notes__ == ["The File file-1, which held a mixture, is deleted."]


def test_one_that_cannot_be_deleted_is_named(rig: Rig, path: Path) -> None:
    rig.handle = Changing(path, deletes=False)
    with pytest.raises(errors.FileChangedError) as caught:
        rig.run(create_file(file=path, purpose="batch"))
    [note] = caught.value.__notes__
    assert "file-1 holds a mixture and could not be deleted (Not allowed to delete)" in note


def test_a_part_of_two_states_is_no_part(rig: Rig, path: Path) -> None:
    rig.handle = Changing(path)
    with pytest.raises(errors.FileChangedError):
        rig.run(add_upload_part(upload_id="upload_1", data=path))


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ({"bytes": len(CONTENT) - 1}, f"it has {len(CONTENT) - 1} bytes of {len(CONTENT)}"),
        ({"checksum": checksums.show(1)}, "its checksum is another one"),
    ],
    ids=["size", "checksum"],
)
def test_a_posted_file_that_is_not_what_was_sent_is_deleted(
    rig: Rig, path: Path, shown: dict[str, object], why: str
) -> None:
    asked: list[str] = []
    about = {"id": "file-1", "created_at": 1, "filename": "f", "purpose": "batch", "bytes": len(CONTENT)}

    def handle(request: httpx2.Request) -> httpx2.Response:
        request.read()
        asked.append(request.method)
        return httpx2.Response(200, json={**about, **shown, "deleted": True})

    rig.handle = handle
    with pytest.raises(errors.CorruptedError, match=f"The File file-1 is not what was sent: {why}"):
        rig.run(create_file(file=path, purpose="batch"))
    assert asked == ["POST", "DELETE"]
