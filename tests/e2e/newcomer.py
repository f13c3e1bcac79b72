"""A machine of somebody who has never had heavylift: an empty HOME, a clone, a fresh virtual environment."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.house.project import ROOT, tracked

UV = Path(sys.executable).with_name("uv")

SECONDS = 280.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`home` is empty at first, `clone` has what git keeps, and `path` is where commands are looked for."""

    home: Path
    clone: Path
    cache: Path

    @property
    def venv(self) -> Path:
        """The virtual environment that the newcomer makes."""
        return self.home / "venv"

    @property
    def environment(self) -> Mapping[str, str]:
        """Nothing of ours: only where packages come from, and that they have the versions of the build."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HEAVYLIFT_", "OPENAI_", "XDG_", "PYTEST_", "PYTHON", "VIRTUAL_ENV"))
        }
        path = f"{self.venv}/bin:{self.home}/.local/bin:{self.cache}/bin:{os.environ['PATH']}"
        pins = {"UV_CONSTRAINT": str(self.clone / "constraints.txt")}
        return {
            **kept, **pins, "HOME": str(self.home), "PATH": path,
            "UV_CACHE_DIR": str(self.cache), "UV_PYTHON_DOWNLOADS": "never",
        }  # fmt: skip

    def run(self, *words: str, where: Path | None = None, **more: str) -> str:
        """What a command prints. It has to succeed."""
        done = subprocess.run(
            words, cwd=where or self.clone, env={**self.environment, **more},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def machine(folder: Path) -> Machine:
    """One with uv on it, as the page takes for granted, and without anything else."""
    made = Machine(home=folder / "home", clone=folder / "clone", cache=folder / "cache")
    for place in (made.home, made.cache / "bin"):
        place.mkdir(parents=True)
    for name in ("uv", "uvx"):
        (made.cache / "bin" / name).symlink_to(UV.with_name(name))
    for path in tracked():
        copy = made.clone / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        copy.chmod(path.stat().st_mode)
    return made
