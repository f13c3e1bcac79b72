"""Reclaims at once what nobody points at, as `heavylift sweep` would hours later."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SECONDS = 120.0


def reclaim(data: Path, environment: Mapping[str, str]) -> None:
    """One round over the installation in that folder, without any grace."""
    at_once = {
        "HEAVYLIFT_ORPHAN_GRACE": "0.001", "HEAVYLIFT_IDLE_TIMEOUT": "0.0005",
        "HEAVYLIFT_BODY_TIMEOUT": "0.0005",
    }  # fmt: skip
    subprocess.run(
        [sys.executable, "-m", "heavylift.cli", "sweep", "--yes", "--data", str(data)],
        env={**os.environ, **environment, **at_once}, capture_output=True, timeout=SECONDS, check=True,
    )  # fmt: skip
