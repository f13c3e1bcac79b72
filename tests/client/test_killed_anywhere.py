"""Killed before any operation on a file, a transfer is done by the same call, and leaves nothing behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.killing import CONTENT
from tests.support.stand_in import StandIn, keep, stand_in_server

DONE = {
    "download": {"here.bin"},
    "download_at_once": {"here.bin"},
    "download_many": {"kept.bin"},
    "replace": {"here.bin"},
    "upload": {"{}.bin"},
    "login": {"profiles.json"},
}
"""The files that there are at the end."""

FEWEST = 5
"""Moments: fewer would mean that nothing was tried."""


def tried(server: StandIn, folder: Path, story: str) -> list[Path]:
    """The folders of all moments, after the second run, which must have ended well."""
    words = [sys.executable, "-m", "tests.client.killing", server.url, str(folder), story]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    before = [line for line in lines if "before" in line]
    after = [line for line in lines if "box" in line]
    failed = [(was, now) for was, now in zip(before, after, strict=True) if now["again"]]
    assert not failed, done.stderr
    return [folder / line["box"] for line in after]


@pytest.mark.parametrize("story", DONE)
def test_the_same_call_again_does_it_and_leaves_nothing_behind(tmp_path: Path, story: str) -> None:
    with stand_in_server() as server:
        server.extensions = True
        keep(server, "kept.bin", "user_data", CONTENT)
        boxes = tried(server, tmp_path, story)
        assert len(boxes) >= FEWEST
        for box in boxes:
            assert {path.name for path in box.rglob("*") if path.is_file()} == {
                name.format(box.name) for name in DONE[story]
            }
            for name in DONE[story] & {"here.bin", "kept.bin"}:
                assert (box / name).read_bytes() == CONTENT
        if story == "upload":
            sent = [file["filename"] for file, _ in server.files.values() if file["id"] != "file-1"]
            assert {name for name in sent if sent.count(name) > 1} == set()
            assert {upload["status"] for upload in server.uploads.values()} == {"completed"}
            assert {content for _, content in server.files.values()} == {CONTENT}
