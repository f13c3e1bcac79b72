"""Moving a second time, after the old side was used, and after runs that were broken off."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from tests.contract import engines_postgres
from tests.objects.engines import BUCKET, ObjectStore
from tests.objects.test_moving import begin, client, move, send
from tests.serving import serving


def keys(folder: Path, *words: str) -> str:
    """`heavylift keys` on the machine of that folder."""
    command = [sys.executable, "-m", "heavylift.cli", "keys", *words, "--data", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A stopped service with a key to revoke, an open Upload with both Parts, and a File to delete."""
    folder = tmp_path / "old"
    with serving(folder) as served, client(served) as http:
        upload = begin(http, 10)
        parts = [send(http, upload, b"12345"), send(http, upload, b"67890")]
        kept = http.post("/files", files={"file": ("k.bin", b"kept")}, data={"purpose": "user_data"})
        gone = http.post("/files", files={"file": ("g.bin", b"gone")}, data={"purpose": "user_data"})
        made = json.loads(keys(folder, "create", "--project", "default", "--json"))
    told = {"upload": upload, "parts": parts, "kept": kept.json()["id"], "gone": gone.json()["id"], **made}
    (tmp_path / "told.json").write_text(json.dumps(told))
    return folder


def told(tmp_path: Path) -> dict[str, str]:
    return json.loads((tmp_path / "told.json").read_text())


def live_on(folder: Path, facts: Mapping[str, str]) -> str:
    """What happens to the old side after the first move. The File that came of it."""
    with serving(folder) as served, client(served) as http:
        done = http.post(f"/uploads/{facts['upload']}/complete", json={"part_ids": facts["parts"]})
        assert http.delete(f"/files/{facts['gone']}").status_code == 200
        keys(folder, "revoke", facts["id"])
        return str(done.json()["file"]["id"])


def check(folder: Path, env: Mapping[str, str], facts: Mapping[str, str], file: str) -> None:
    with serving(folder, env=env) as served, client(served) as http:
        assert http.get(f"/files/{file}/content").content == b"1234567890"
        assert http.get(f"/uploads/{facts['upload']}").json()["status"] == "completed"
        assert http.get(f"/files/{facts['gone']}").status_code == 404
        assert http.get(f"/files/{facts['kept']}/content").content == b"kept"
        revoked = {"Authorization": f"Bearer {facts['key']}"}
        assert httpx2.get(f"{served.url}/files", headers=revoked, timeout=60).status_code == 401


@pytest.fixture
def places(seaweed: ObjectStore, tmp_path: Path) -> Iterator[dict[str, dict[str, str]]]:
    with engines_postgres.running("18") as server:
        yield {
            "disk": {},
            "replicas": {
                **seaweed.environment(),
                "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/{uuid4().hex}",
                "HEAVYLIFT_CATALOG": server.fresh(),
                "HEAVYLIFT_DATA": str(tmp_path / "new"),
            },
        }


@pytest.mark.parametrize("place", ["disk", "replicas"])
def test_a_second_move_makes_the_new_side_what_the_old_one_has_become(
    places: dict[str, dict[str, str]], place: str, old: Path, tmp_path: Path
) -> None:
    env, facts = places[place], told(tmp_path)
    words = ("--from", str(old), *(() if env else ("--to", str(tmp_path / "new"))))
    move(*words, env=env)
    file = live_on(old, facts)
    said = json.loads(move(*words, "--json", "--checksums", env=env))
    assert said["sent"] == 0
    assert said["removed"] == 2, "the deleted File, and its Part"
    assert said["added"] == 1, "the File"
    assert said["changed"] == 4, "the Upload, both Parts, the key"
    assert json.loads(move(*words, "--json", env=env)) == {**said, "removed": 0, "added": 0, "changed": 0}
    check(tmp_path / "new", env, facts, file)


def test_what_the_new_side_has_done_since_is_not_undone_without_a_word(old: Path, tmp_path: Path) -> None:
    words = ("--from", str(old), "--to", str(tmp_path / "new"))
    move(*words, env={})
    with serving(tmp_path / "new"):
        pass
    move(*words, env={})  # nothing was changed there
    with serving(tmp_path / "new") as served, client(served) as http:
        http.post("/files", files={"file": ("n.bin", b"new")}, data={"purpose": "user_data"})
    said = move(*words, env={}, status=2)
    assert "changed since" in said
    assert "--replace" in said
    assert "1 changed" not in move(*words, "--replace", env={})
    with serving(tmp_path / "new") as served, client(served) as http:
        assert len(http.get("/files").json()["data"]) == 2


def test_blobs_that_a_sweep_took_for_garbage_between_two_runs_are_moved_all_the_same(
    old: Path, tmp_path: Path
) -> None:
    new, facts = tmp_path / "new", told(tmp_path)
    words = ("--from", str(old), "--to", str(new))
    move(*words, env={})
    with closing(sqlite3.connect(new / "catalog.sqlite")) as catalog, catalog:
        blobs = [row[0] for row in catalog.execute("SELECT blob FROM parts")]
        catalog.execute("DELETE FROM parts")  # as if it had been killed between the blobs and their rows
        catalog.execute("UPDATE move SET digest = NULL")
        catalog.executemany("INSERT INTO garbage (blob, due) VALUES (?, 9e9)", [(blob,) for blob in blobs])
    for blob in blobs:
        (new / "blobs" / blob[:2] / blob).unlink()
    move(*words, env={})
    with closing(sqlite3.connect(new / "catalog.sqlite")) as catalog:
        assert catalog.execute("SELECT count(*) FROM garbage").fetchone() == (0,)
    with serving(new) as served, client(served) as http:
        assert http.get(f"/files/{facts['kept']}/content").content == b"kept"


def test_a_blob_that_is_gone_or_short_is_found_before_it_is_said_to_be_moved(
    old: Path, tmp_path: Path
) -> None:
    words = ("--from", str(old), "--to", str(tmp_path / "new"))
    move(*words, env={})
    largest = max((tmp_path / "new" / "blobs").glob("??/*"), key=lambda path: path.stat().st_size)
    whole = largest.read_bytes()
    for damage in (whole[:-1], whole + b"x"):
        largest.write_bytes(damage)
        assert largest.name in move(*words, env={}, status=1)
    largest.write_bytes(whole[:-1] + b"?")
    assert "moved" in move(*words, env={}), "its size is right"
    assert "checksum" in move(*words, "--checksums", env={}, status=1)
    largest.unlink()
    assert "missing" in move(*words, env={}, status=1)


def test_a_service_does_not_start_in_the_middle_of_a_move(old: Path, tmp_path: Path) -> None:
    words = ("--from", str(old), "--to", str(tmp_path / "new"))
    largest = max((old / "blobs").glob("??/*"), key=lambda path: path.stat().st_size)
    largest.rename(tmp_path / "hidden")
    move(*words, env={}, status=1)
    for command in ("serve", "sweep"):
        done = subprocess.run(
            [sys.executable, "-m", "heavylift.cli", command, "--data", str(tmp_path / "new")],
            env={**os.environ, "HEAVYLIFT_PORT": "0"}, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert "migrate-data` again" in done.stderr


def test_the_old_side_is_read_as_it_is_and_not_migrated(old: Path, tmp_path: Path) -> None:
    """A schema of the first days, with a log that a crash has left."""
    with closing(sqlite3.connect(old / "catalog.sqlite")) as catalog, catalog:
        for (table,) in catalog.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('alembic_version',"
            " 'projects', 'api_keys', 'uploads', 'files', 'parts', 'garbage', 'heartbeat')"
        ).fetchall():
            catalog.execute(f"DROP TABLE {table}")
        catalog.execute("UPDATE alembic_version SET version_num = '0001'")
    shutil.rmtree(old / "blobs" / "heavylift-installation", ignore_errors=True)
    before = content_of_all(old)
    move("--from", str(old), "--to", str(tmp_path / "new"), env={})
    assert content_of_all(old) == before


def content_of_all(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_mistyped_old_side_is_told_and_not_made(tmp_path: Path) -> None:
    said = move("--from", str(tmp_path / "odl"), "--to", str(tmp_path / "new"), env={}, status=2)
    assert f"There is no installation in {tmp_path / 'odl'}; name it with --from" in said
    assert not (tmp_path / "odl").exists()
    assert not (tmp_path / "new").exists()
