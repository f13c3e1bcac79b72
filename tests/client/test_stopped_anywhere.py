"""An upload that is stopped at any request, before or after the server has acted: what is said is true."""

import httpx2
import pytest

from heavylift.client.stories import endings
from tests.client.rig import Rig
from tests.client.scripted import Scripted
from tests.client.story import CONTENT, PARTS, Upload, stored

REQUESTS = PARTS + 2
"""Create, the parts, complete."""


class Stop(BaseException):
    """Stands for Ctrl-C, at a moment that no test could meet with a signal."""


def stopping(server: Scripted, at: int, *, acted: bool) -> Scripted:
    """The server, that is asked and then no more listened to."""
    count = 0

    def handle(request: httpx2.Request) -> httpx2.Response:
        nonlocal count
        count += 1
        if count == at and not acted:
            raise Stop
        response = server(request)
        if count == at:
            raise Stop
        return response

    return handle  # type: ignore[return-value]


@pytest.mark.parametrize("acted", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, REQUESTS + 1))
@pytest.mark.parametrize("again", [True, False], ids=["path", "bytes"])
def test_what_is_pending_is_named_and_the_same_call_ends_well(
    rig: Rig, upload: Upload, server: Scripted, at: int, *, acted: bool, again: bool
) -> None:
    wishes = {} if again else {"file": CONTENT, "filename": "corpus.jsonl"}
    rig.handle = stopping(server, at, acted=acted)
    with pytest.raises(Stop) as caught:
        upload(max_concurrency=1, **wishes)
    notes = caught.value.__notes__
    if at == 1:
        assert notes == [endings.PERHAPS_CREATED]
    else:
        [(upload_id, made)] = server.uploads.items()
        done = (at, acted) == (REQUESTS, True)
        unkept = endings.over(upload_id, "The upload is completed.") if done else endings.cancelled(upload_id)
        assert notes == [endings.kept(upload_id) if again else unkept]
        assert made["status"] == ("completed" if done else "pending" if again else "cancelled")
    rig.handle = server
    upload(**wishes)
    assert CONTENT in [content for _, content in server.files.values()]
    if again:
        assert stored(server) == CONTENT
        begun_twice = at == 1 and acted
        assert len(server.uploads) == 1 + begun_twice
        assert len(server.parts) <= PARTS + 1
