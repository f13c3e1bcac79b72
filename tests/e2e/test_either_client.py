"""One script runs unchanged on openai-python's client and on ours, and prints the same."""

import os
import subprocess
import sys
from pathlib import Path

from tests.serving import serving


def output(module: str, kind: str, environment: dict[str, str]) -> list[str]:
    """What the script prints on this client."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.either_client", module, kind],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def printed(module: str, kind: str, folder: Path) -> list[str]:
    """The same, against a service of its own."""
    with serving(folder / module) as served:
        environment = {
            "OPENAI_BASE_URL": served.url,
            "OPENAI_API_KEY": served.key,
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }
        said = output(module, kind, environment)
        assert served.stop() in (0, -15)
    return said


def test_one_script_on_both_clients_says_the_same(tmp_path: Path) -> None:
    theirs = printed("openai", "OpenAI", tmp_path)
    assert len(theirs) > 30
    assert printed("heavylift", "Heavylift", tmp_path) == theirs
