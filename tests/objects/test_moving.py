"""Moving house: a disk's installation into an object store, broken off and gone on with, and used there."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from tests.contract import engines_postgres
from tests.objects.engines import BUCKET, ObjectStore
from tests.serving import Served, serving

BODIES = [os.urandom(6 * 1024 * 1024 + 1), os.urandom(70_000), b"x"]


@pytest.fixture
def prefix() -> str:
    return uuid4().hex


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The data folder of a stopped service with a file in three extents, a posted one, and an open upload."""
    folder = tmp_path / "old"
    with serving(folder) as served, client(served) as http:
        upload = begin(http, sum(map(len, BODIES)))
        parts = [send(http, upload, body) for body in BODIES]
        done = http.post(f"/uploads/{upload}/complete", json={"part_ids": parts})
        posted = http.post("/files", files={"file": ("p.bin", b"posted")}, data={"purpose": "user_data"})
        still = begin(http, 10)
        first = send(http, still, b"12345")
    facts = {"file": done.json()["file"]["id"], "posted": posted.json()["id"], "upload": still, "part": first}
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    return folder


def client(served: Served) -> httpx2.Client:
    return httpx2.Client(base_url=served.url, headers={"Authorization": f"Bearer {served.key}"}, timeout=60)


def begin(http: httpx2.Client, size: int) -> str:
    kind = "application/octet-stream"
    asked = {"filename": "a.bin", "purpose": "user_data", "bytes": size, "mime_type": kind}
    return str(http.post("/uploads", json=asked).json()["id"])


def send(http: httpx2.Client, upload: str, body: bytes) -> str:
    answer = http.post(f"/uploads/{upload}/parts", files={"data": body})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def move(*words: str, env: Mapping[str, str], status: int = 0) -> str:
    """Run the command. What it said on standard output, or on standard error if it was to fail."""
    done = subprocess.run(
        [sys.executable, "-m", "heavylift.cli", "migrate-data", *words],
        env={**os.environ, **env}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if status else done.stdout


def check_new_home(folder: Path, env: Mapping[str, str]) -> None:
    """Everything is there, under the same ids and the same key, and goes on."""
    facts = json.loads((folder.parent / "facts.json").read_text())
    with serving(folder, env=env) as served, client(served) as http:
        assert http.get(f"/files/{facts['file']}/content").content == b"".join(BODIES)
        assert http.get(f"/files/{facts['posted']}/content").content == b"posted"
        rest = send(http, facts["upload"], b"67890")
        done = http.post(f"/uploads/{facts['upload']}/complete", json={"part_ids": [facts["part"], rest]})
        file = done.json()["file"]["id"]
        assert http.get(f"/files/{file}/content").content == b"1234567890"


def test_from_a_disk_to_an_object_store(seaweed: ObjectStore, old: Path, tmp_path: Path, prefix: str) -> None:
    env = {**seaweed.environment(), "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/{prefix}"}
    said = json.loads(move("--from", str(old), "--to", str(tmp_path / "new"), "--to-blobs",
                           env["HEAVYLIFT_BLOBS"], "--json", env=seaweed.environment()))  # fmt: skip
    size = sum(map(len, BODIES)) + len(b"posted") + len(b"12345")
    rows = said.pop("added")
    assert said == {"blobs": 5, "bytes": size, "total": size, "sent": size, "changed": 0, "removed": 0}
    assert rows == 11
    assert len(seaweed.objects(prefix)) == 5
    again = json.loads(
        move("--from", str(old), "--json", env={**env, "HEAVYLIFT_DATA": str(tmp_path / "new")})
    )
    assert again == {**said, "sent": 0, "added": 0}
    check_new_home(tmp_path / "new", env)


def test_from_a_disk_to_postgresql_and_an_object_store(
    seaweed: ObjectStore, old: Path, tmp_path: Path, prefix: str
) -> None:
    with engines_postgres.running("18") as server:
        env = {
            **seaweed.environment(),
            "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/{prefix}",
            "HEAVYLIFT_CATALOG": server.fresh(),
            "HEAVYLIFT_DATA": str(tmp_path / "new"),
        }
        assert "moved 5 blobs" in move("--from", str(old), env=env)
        check_new_home(tmp_path / "new", env)


def test_what_was_moved_before_it_was_broken_off_is_not_sent_again(old: Path, tmp_path: Path) -> None:
    largest = max((old / "blobs").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    hidden = tmp_path / "hidden"
    largest.rename(hidden)
    words = ("--from", str(old), "--to", str(tmp_path / "new"))
    assert largest.name in move(*words, env={}, status=1)
    hidden.rename(largest)
    # A torso under the blob's name is what a killed run leaves.
    torso = tmp_path / "new" / "blobs" / largest.name[:2] / largest.name
    torso.write_bytes(b"torso")
    assert "moved 5 blobs" in move(*words, env={})
    check_new_home(tmp_path / "new", {})


def test_damage_is_found_and_not_moved(old: Path, tmp_path: Path) -> None:
    largest = max((old / "blobs").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    with largest.open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    said = move("--from", str(old), "--to", str(tmp_path / "new"), env={}, status=1)
    assert largest.name in said
    assert "checksum" in said
    assert not list((tmp_path / "new").rglob(largest.name))


def test_two_urls_of_one_store_cost_no_byte(old: Path, tmp_path: Path) -> None:
    alias = tmp_path / "alias"
    alias.symlink_to(old / "blobs")
    before = sorted(path.name for path in (old / "blobs").rglob("*") if path.is_file())
    move("--from", str(old), "--to", str(tmp_path / "new"), "--to-blobs", f"file://{alias}", env={})
    assert sorted(path.name for path in (old / "blobs").rglob("*") if path.is_file()) == before
    check_new_home(tmp_path / "new", {"HEAVYLIFT_BLOBS": f"file://{alias}"})


def test_a_catalog_that_has_projects_of_its_own_is_refused(old: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "new"):
        pass
    said = move("--from", str(old), "--to", str(tmp_path / "new"), env={}, status=2)
    assert "projects and facts of its own" in said


def test_a_move_into_itself_is_refused(old: Path) -> None:
    assert "the same" in move("--from", str(old), "--to", str(old), env={}, status=2)
