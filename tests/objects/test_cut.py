"""An object that is no longer what was stored: the answer breaks off, and the log names File and blob."""

import json
from pathlib import Path
from uuid import uuid4

import httpx2
import obstore
import pytest

from tests.e2e.wire import add_file, eventually, speaking
from tests.objects.engines import BUCKET, ObjectStore
from tests.serving import Served, serving

SIZE = 5_000_000


def events(served: Served, name: str) -> list[dict[str, object]]:
    return [event for line in served.lines if (event := json.loads(line))["event"] == name]


def test_a_download_that_is_cut_off_is_told_with_its_file_and_its_blob(
    seaweed: ObjectStore, tmp_path: Path
) -> None:
    prefix = uuid4().hex
    env = {**seaweed.environment(), "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/{prefix}"}
    with serving(tmp_path, env=env) as served, speaking(served.url, served.key) as api:
        file = add_file(api, bytes(SIZE))["id"]
        path = f"/files/{file}/content"
        [name] = seaweed.objects(prefix)
        obstore.put(seaweed.client(), name, bytes(SIZE - 1) + b"x")
        for wanted in ({}, {"Range": f"bytes=1-{SIZE - 1000}"}):
            with pytest.raises(httpx2.RemoteProtocolError):
                api.get(path, headers=wanted)
        few = api.get(path, headers={"Range": "bytes=0-9"})
        assert (few.content, few.headers["heavylift-verified"]) == (bytes(10), "none")
        eventually(lambda: len(events(served, "request")) >= 4)
        requests = [event for event in events(served, "request") if event["path"] == f"/v1{path}"]
        assert [event.get("cut") for event in requests] == [True, True, None]
        assert [event["level"] for event in requests] == ["error", "error", "info"]
        blob = name.rpartition("/")[2]
        failed = events(served, "storage.failed")
        assert [(event["file"], event["blob"]) for event in failed] == [(file, blob)] * 2
        assert not events(served, "request.failed")
        obstore.put(seaweed.client(), name, bytes(SIZE))
        whole = api.get(path)
        assert (whole.content, whole.headers["heavylift-verified"]) == (bytes(SIZE), "all")
