"""curl, as the public documentation's samples write it: no JSON content type, text as a Part, no body."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.wire import Json, not_tested
from tests.installations import COMBINATIONS
from tests.serving import Served

pytestmark = pytest.mark.stores(*COMBINATIONS)

Curl = Callable[..., Json]


@pytest.fixture
def curl(server: Served) -> Curl:
    """Runs curl against a path of the server and parses what it prints."""
    if shutil.which("curl") is None:
        not_tested("CURL WAS NOT TESTED: there is no such command")

    def run(path: str, *options: str) -> Json:
        done = subprocess.run(
            ["curl", "-sS", "--max-time", "60", f"{server.url}{path}",
             "-H", f"Authorization: Bearer {server.key}", *options],
            capture_output=True, check=True, text=True,
        )  # fmt: skip
        found: Json = json.loads(done.stdout)
        return found

    return run


def test_the_samples_of_the_documentation_work(curl: Curl, server: Served, tmp_path: Path) -> None:
    body = {"purpose": "fine-tune", "filename": "t.jsonl", "bytes": 8, "mime_type": "text/jsonl"}
    upload = curl("/uploads", "-d", json.dumps(body, indent=2))
    assert upload["status"] == "pending"
    parts = [curl(f"/uploads/{upload['id']}/parts", "-F", f"data={text}") for text in ("abcd", "efgh")]
    part_ids = {"part_ids": [part["id"] for part in parts]}
    done = curl(f"/uploads/{upload['id']}/complete", "-d", json.dumps(part_ids))
    assert done["status"] == "completed"
    target = tmp_path / "back"
    subprocess.run(
        ["curl", "-sSf", f"{server.url}/files/{done['file']['id']}/content", "-o", target,
         "-H", f"Authorization: Bearer {server.key}"],
        check=True, timeout=60,
    )  # fmt: skip
    assert target.read_bytes() == b"abcdefgh"
    assert curl(f"/files/{done['file']['id']}", "-X", "DELETE")["deleted"] is True


def test_cancel_without_a_body_works(curl: Curl) -> None:
    body = '{"purpose": "user_data", "filename": "x", "bytes": 8, "mime_type": "text/plain"}'
    upload = curl("/uploads", "-d", body)
    assert curl(f"/uploads/{upload['id']}/cancel", "-X", "POST")["status"] == "cancelled"


def test_files_and_parts_from_the_disk_work(curl: Curl, tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    path.write_bytes(b"0123456789" * 200_000)  # large enough for curl to wait for 100 Continue
    file = curl(
        "/files", "-F", "purpose=user_data", "-F", f"file=@{path}",
        "-F", "expires_after[anchor]=created_at", "-F", "expires_after[seconds]=3600",
    )  # fmt: skip
    assert file["bytes"] == 2_000_000
    assert file["expires_at"] == file["created_at"] + 3600
    body = {"purpose": "user_data", "filename": "x", "bytes": 4_000_000, "mime_type": "text/plain"}
    upload = curl("/uploads", "-d", json.dumps(body))
    form = curl(f"/uploads/{upload['id']}/parts", "-F", f"data=@{path}")
    raw = curl(
        f"/uploads/{upload['id']}/parts", "--data-binary", f"@{path}",
        "-H", "Content-Type: application/octet-stream",
    )  # fmt: skip
    assert form["checksum"] == raw["checksum"]
    assert curl(f"/uploads/{upload['id']}")["bytes_received"] == 4_000_000


def test_an_error_is_readable(curl: Curl) -> None:
    error = curl("/uploads", "-d", "purpose=batch")["error"]
    assert error["code"] == "malformed_body"
    assert "not valid JSON" in error["message"]
