"""Tenants who open Uploads in a loop, and store as much as they can."""

from pathlib import Path

from tests.e2e.wire import completed, create, description, good, refused, send_file, send_part
from tests.hostile.siege import besieged, is_served, speaking_as

OPEN, TRIES = 20, 300
ROOM, PIECE = 1_000_000, 100_000


def test_no_more_uploads_are_opened_than_a_project_may_have(tmp_path: Path) -> None:
    with (
        besieged(tmp_path, max_open_uploads=OPEN) as (served, key),
        speaking_as(served, key) as hostile,
    ):
        before = len(good(hostile.get("/uploads", params={"status": "pending"}))["data"])
        answers = [hostile.post("/uploads", json=description(1)) for _ in range(TRIES)]
        opened = [good(one)["id"] for one in answers[: OPEN - before]]
        for late in answers[OPEN - before :]:
            refused(late, 400, code="too_many_uploads", param=None, says=f"{OPEN}")
        is_served(served)
        good(hostile.post(f"/uploads/{opened[0]}/cancel"))
        create(hostile, 1)


def test_no_more_bytes_are_held_than_a_project_may_have(tmp_path: Path) -> None:
    with (
        besieged(tmp_path, max_project_bytes=ROOM) as (served, key),
        speaking_as(served, key) as hostile,
    ):
        for way in ("parts", "files", "uploads"):
            for _ in range(3 * ROOM // PIECE):
                if way == "files":
                    found = send_file(hostile, bytes(PIECE))
                elif way == "parts":
                    found = send_part(hostile, create(hostile, PIECE)["id"], bytes(PIECE))
                else:
                    found = send_part(hostile, create(hostile, 5 * PIECE)["id"], bytes(PIECE))
                if found.status_code != 200:
                    refused(found, 400, code="project_full", param=None, says=f"{ROOM}")
        assert sum(blob.stat().st_size for blob in served.blobs()) <= ROOM + 2 * len(b"warm")
        is_served(served)
        with speaking_as(served, served.key) as honest:
            assert completed(honest, bytes(PIECE))["status"] == "completed"
