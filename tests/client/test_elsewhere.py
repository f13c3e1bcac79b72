"""On systems that have less than Linux: SDK and command line work, or refuse in a sentence."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.elsewhere import CONTENT, PART
from tests.support.stand_in import stand_in_server


@pytest.mark.parametrize(("world", "kept_out"), [("bare", False), ("windows", True)])
def test_without_what_linux_alone_has_everything_works(world: str, kept_out: bool, tmp_path: Path) -> None:
    """`kept_out`: without locks of any kind two runs are not told apart, as docs/sdk.md says."""
    with stand_in_server() as server:
        server.extensions = True
        server.files["file-1"] = ({"id": "file-1", "bytes": 3, "filename": "a"}, b"abc")
        done = subprocess.run(
            [sys.executable, "-m", "tests.client.elsewhere", world, server.url, str(tmp_path)],
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "blocking": [len(CONTENT), 5000, True, True, "kept", True],
        "awaited": True,
        "typed": [0, 0, 0],
        "kept out": kept_out,
        "left": [],
    }
    parts = server.count(r"POST /uploads/upload_\d+/parts")
    of_files = -(-len(CONTENT) // PART)
    assert parts <= 3 * of_files + 1 + 1 + 1, "an interrupted upload was gone on with"
