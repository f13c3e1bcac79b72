"""`make demo` does what it says, and does not say so when something differs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench import demo
from openai import DefaultHttpxClient, OpenAI

from tests.house.project import ROOT
from tests.serving import serving

SECONDS = 240.0


def test_the_demo_moves_a_file_and_tells_what_happened() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.demo"],
        cwd=ROOT,
        env={**os.environ, "HEAVYLIFT_PORT": "1", "COLUMNS": "200"},  # a setting that must not reach it
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("Sent 16 parts", "checked by the service", "MiB/s", "What came back is what was sent."):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("original", "complaint"),
    [
        (b"bytes that came bacK", "differs within"),
        (b"bytes that came back and more", "ends behind byte 20"),
        (b"bytes", "differs within"),
    ],
)
def test_the_demo_notices_a_download_that_differs(tmp_path: Path, original: bytes, complaint: str) -> None:
    path = tmp_path / "original"
    path.write_bytes(original)
    with (
        serving(tmp_path / "data") as server,
        OpenAI(
            base_url=server.url, api_key=server.key, http_client=DefaultHttpxClient(trust_env=False)
        ) as client,
    ):
        file = client.files.create(file=("sent", b"bytes that came back"), purpose="user_data")
        with pytest.raises(demo.Differs, match=complaint):
            demo.compare(client, file.id, path)


def test_the_demo_fails_when_the_service_does_not_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_text("a file where a folder should be")
    with pytest.raises(RuntimeError, match="did not start"), demo.serving(data, tmp_path / "log"):
        pass
