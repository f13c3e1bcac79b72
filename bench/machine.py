"""On what was measured: processors, memory, kernel, versions, and how busy it was with other things."""

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from bench.toolbox import Missing, run


def describe(folder: Path) -> dict[str, Any]:
    """What a reader has to know. `folder` is where the servers keep their files."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3),
        "kernel": platform.release().partition("-")[0],
        "file_system": _file_system(folder),
        "python": platform.python_version(),
        "heavylift": version("heavylift"),
        "commit": _commit(),
        "load_before": round(os.getloadavg()[0], 1),
    }


def _processor() -> str:
    found = re.search(
        r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE
    )
    return found[1] if found else platform.machine()


def _commit() -> str:
    """Of the tree that is measured, with a mark if its source has been changed since."""
    source = Path(__file__).parents[1] / "src"
    try:
        commit = run(["git", "rev-parse", "--short", "HEAD"], cwd=source).strip()
        return commit + "+" * bool(run(["git", "status", "--porcelain", "--", "."], cwd=source))
    except Missing:
        return "unknown"


def _file_system(folder: Path) -> str:
    mounts = [
        one for one in psutil.disk_partitions(all=True) if folder.resolve().is_relative_to(one.mountpoint)
    ]
    return max(mounts, key=lambda one: len(one.mountpoint)).fstype if mounts else "unknown"
