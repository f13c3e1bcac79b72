"""Under any other ASGI server everything works, without the fast way; uvicorn can be given our connection."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.e2e.wire import create, good, refused, speaking
from tests.engines import OLDEST_UVICORN
from tests.ports import free_port
from tests.serving import KEY, START_SECONDS

APP = "heavylift.wiring:app"

OURS = """
import sys, uvicorn
from heavylift.api.server.adapter import PROTOCOL
print("uvicorn", uvicorn.__version__, file=sys.stderr)
uvicorn.run(
    "heavylift.wiring:app", factory=True, port=int(sys.argv[1]), http=PROTOCOL, ws="none", log_config=None
)
"""

SERVERS = {
    "hypercorn": ["-m", "hypercorn", "--bind", "127.0.0.1:PORT", f"{APP}()"],
    "granian": [
        "-m",
        "granian",
        "--interface",
        "asgi",
        "--factory",
        "--host",
        "127.0.0.1",
        "--port",
        "PORT",
        APP,
    ],
    "uvicorn": ["-m", "uvicorn", "--factory", "--port", "PORT", APP],
    "uvicorn, our connection": ["-c", OURS, "PORT"],
    "the oldest uvicorn, our connection": ["-c", OURS, "PORT"],
}


@contextmanager
def running(name: str, folder: Path) -> Iterator[str]:
    """The service under that server: its URL."""
    port = free_port()
    words = [word.replace("PORT", str(port)) for word in SERVERS[name]]
    env = {
        **os.environ, "HEAVYLIFT_DATA": str(folder), "HEAVYLIFT_BOOTSTRAP_KEY": KEY,
        "HEAVYLIFT_DISK_RESERVE": "0",
    }  # fmt: skip
    if name.startswith("the oldest"):
        env["PYTHONPATH"] = f"{OLDEST_UVICORN}{os.pathsep}{env.get('PYTHONPATH', '')}"
    with (folder.parent / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, *words], env=env, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not answers(port) and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            assert process.poll() is None, (folder.parent / "log").read_text()
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(60)


def answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


@pytest.fixture(params=SERVERS)
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[httpx2.Client]:
    name = request.param
    if name.startswith("the oldest") and not OLDEST_UVICORN.is_dir():
        pytest.skip("needs `python -m tests.engines`, which installs the oldest uvicorn")
    with running(name, tmp_path / "data") as url, speaking(url, KEY) as client:
        yield client


@pytest.mark.parametrize("size", [3, 70_000, 3_000_000])
def test_a_file_goes_in_and_comes_out(api: httpx2.Client, size: int) -> None:
    payload = os.urandom(size)
    upload = create(api, 3 * size)["id"]
    path = f"/uploads/{upload}/parts"
    raw = {"Content-Type": "application/octet-stream"}

    def chunked() -> Iterator[bytes]:
        for start in range(0, size, 50_000):
            yield payload[start : start + 50_000]

    parts = [
        good(api.post(path, files={"data": payload}))["id"],
        good(api.post(path, content=payload, headers=raw))["id"],
        good(api.post(path, content=chunked(), headers=raw))["id"],
    ]
    done = good(api.post(f"/uploads/{upload}/complete", json={"part_ids": parts}))
    content = f"/files/{done['file']['id']}/content"
    assert api.get(content).content == 3 * payload
    ranged = api.get(content, headers={"Range": f"bytes={size}-{size + 1}"})
    assert (ranged.status_code, ranged.content) == (206, (3 * payload)[size : size + 2])
    assert api.head(content).headers["content-length"] == str(3 * size)
    refused(api.get("/files/file-none"), 404, code=None, param="id")
    refused(api.put("/files"), 405, code="method_not_allowed", param=None)
    assert api.delete(content.removesuffix("/content")).status_code == 200
