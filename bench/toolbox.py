"""What the benchmark brings along: its C programs, compiled on demand, and tools unpacked for it alone."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_cache_path

HERE = Path(__file__).parent
CACHE = user_cache_path("heavylift-bench")
"""Where compiled programs and unpacked tools stay between runs. May be deleted at any time."""

FLAGS = ("-O2", "-Wall", "-Wextra", "-pthread")
INSTALL_SECONDS = 300.0


class Missing(Exception):
    """Something cannot be had on this machine. The text says what, and why."""


def program(name: str) -> Path:
    """The program that `bench/<name>.c` becomes. Raises Missing without a C compiler."""
    source = HERE / f"{name}.c"
    compiler = shutil.which("cc")
    if compiler is None:
        raise Missing("there is no C compiler `cc`; the load generator needs one")
    mark = hashlib.sha256(source.read_bytes() + repr(FLAGS).encode()).hexdigest()[:16]
    target = CACHE / f"{name}-{mark}"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        run([compiler, *FLAGS, "-o", str(target), str(source)])
    return target


def command(name: str) -> str:
    """The path of a command. Raises Missing."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"there is no `{name}` here")
    return found


def debian(package: str, file: str) -> Path:
    """A file of a Debian package, unpacked and not installed: no service starts, nothing changes outside.

    Raises Missing where packages cannot be downloaded.
    """
    root = CACHE / package
    if not (root / file).exists():
        root.mkdir(parents=True, exist_ok=True)
        run([command("apt-get"), "-qq", "download", package], cwd=root)
        for archive in root.glob("*.deb"):
            run([command("dpkg-deb"), "-x", str(archive), str(root)])
            archive.unlink()
    return root / file


def npm(*packages: str) -> Path:
    """A folder in whose node_modules these packages lie. Raises Missing."""
    root = CACHE / "node"
    if not all((root / "node_modules" / name.rpartition("@")[0]).is_dir() for name in packages):
        root.mkdir(parents=True, exist_ok=True)
        run([command("npm"), "install", "--no-audit", "--no-fund", "--silent", *packages], cwd=root)
    return root


def pip(*packages: str) -> Path:
    """The folder `bin` of a virtual environment that holds these packages alone. Raises Missing."""
    name = hashlib.sha256(repr(packages).encode()).hexdigest()[:12]
    root, ready = CACHE / f"venv-{name}", CACHE / f"venv-{name}" / ".ready"
    if not ready.exists():
        run([sys.executable, "-m", "venv", str(root)])
        run([str(root / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", *packages])
        ready.touch()
    return root / "bin"


def run(words: Sequence[str], *, cwd: Path | None = None) -> str:
    """What a command says. Raises Missing with its last words if it fails."""
    try:
        done = subprocess.run(
            words, cwd=cwd, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"`{Path(words[0]).name}` took more than {INSTALL_SECONDS:.0f} seconds") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"status {done.returncode}"]
        raise Missing(f"`{Path(words[0]).name} {' '.join(words[1:4])}` failed: {said[-1]}")
    return done.stdout
