"""The official OpenAI client for Node, unmodified. Conformance case 125."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.wire import Json, not_tested
from tests.engines import NODE, npm_client_there
from tests.installations import COMBINATIONS
from tests.serving import Served

pytestmark = pytest.mark.stores(*COMBINATIONS)


@pytest.fixture
def session(server: Served, new_project: Project, tmp_path: Path) -> Json:
    """What the script of the client told."""
    if shutil.which("node") is None or not npm_client_there():
        not_tested("THE NODE CLIENT WAS NOT TESTED: run `python -m tests.engines` where there is Node")
    path = tmp_path / "corpus.txt"
    path.write_bytes(os.urandom(300_000))
    done = subprocess.run(
        ["node", NODE / "session.mjs", path],
        env={**os.environ, "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": new_project()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: Json = json.loads(done.stdout)
    return found


def test_case_125_a_read_stream_arrives_chunked_and_a_buffer_whole(session: Json, server: Served) -> None:
    assert session["stream"] == {"status": "completed", "same": True}
    assert session["buffer"] == {"status": "completed", "same": True}
    assert session["posted"] == {"status": "processed", "bytes": 300_000}
    assert session["lifetime"] == 3600
    assert session["listed"] == ["batch", "user_data", "user_data", "user_data"]
    assert session["cancelled"] == "cancelled"
    assert session["deleted"] is True
    requests = {error.pop("request") for error in (session["empty"], session["late"], session["missing"])}
    assert len(requests) == 3
    bad = {"type": "BadRequestError", "status": 400}
    assert session["nameless"] == 3
    assert session["empty"] == {**bad, "code": None, "param": "data"}
    assert session["late"] == {**bad, "code": "upload_cancelled", "param": "upload_id"}
    assert session["missing"] == {"type": "NotFoundError", "status": 404, "code": None, "param": "id"}
