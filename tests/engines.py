"""What the tests need beyond pip, installed where possible: `python -m tests.engines`.

Where something cannot be installed, on a laptop for example, this says so loudly and the
tests that need it are skipped. With CI=true nothing may be missing.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

NODE = Path(__file__).parent / "e2e" / "node"
"""Where the official OpenAI client for Node is installed, by the lock file there."""

AZURITE = Path(__file__).parent / "objects" / "azurite"
"""Where the emulator of Azure is installed, by the lock file there."""

GENERATED = Path(__file__).parent / "e2e" / "generated"
"""Where what makes clients of OpenAPI documents is installed, by the lock file there."""

PYTHON_GENERATOR = Path(sys.prefix) / "openapi-python-client"
"""Where the one for Python lies: its dependencies are not ours."""

PYRIGHT = Path(__file__).parent / "house" / "pyright"
"""Where the type checker of many editors is installed, by the lock file there."""

OLDEST_UVICORN = Path(sys.prefix) / "uvicorn-oldest"
"""Where the oldest uvicorn lies whose public names our connection's adapter knows."""

Install = Callable[[], str | None]
"""Installs something. What kept it from doing so, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Something outside pip. `there` says whether it can be used; `why` is for whoever lacks it."""

    name: str
    why: str
    there: Callable[[], bool]
    install: Install


def command(name: str) -> Callable[[], bool]:
    """Whether there is such a command."""
    return lambda: shutil.which(name) is not None


def debian(package: str) -> Install:
    """Install a Debian package, as root only."""

    def install() -> str | None:
        if shutil.which("apt-get") is None:
            return f"there is no apt-get here; install {package} by hand"
        if os.geteuid() != 0:
            return f"needs root: apt-get install {package}"
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "--yes", "--no-install-recommends", package]):
            trouble = run(["apt-get", "-qq", *words], env=quiet)
            if trouble:
                return trouble
        return None

    return install


def server_program(name: str) -> str | None:
    """Where a server's program is. Debian keeps them out of a user's path."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")


def nginx_program() -> str | None:
    """Where nginx is."""
    return server_program("nginx")


def pgbouncer_program() -> str | None:
    """Where PgBouncer is."""
    return server_program("pgbouncer")


def oldest_uvicorn() -> str | None:
    """Install it into a folder of its own, beside the one that is required."""
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(OLDEST_UVICORN)]
    return run([*words, "uvicorn==0.40.0"])


def python_generator() -> str | None:
    """Install it into an environment of its own, since it wants another typer than we do."""
    uv = str(Path(sys.executable).with_name("uv"))
    trouble = run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(PYTHON_GENERATOR)])
    python = str(PYTHON_GENERATOR / "bin" / "python")
    return trouble or run([uv, "pip", "install", "--quiet", "-p", python, "openapi-python-client==0.29.1"])


def npm(folder: Path) -> Install:
    """Install the packages of the folder's lock file, if there is Node."""

    def install() -> str | None:
        if shutil.which("npm") is None:
            return "there is no Node here; install Node 22 or newer"
        return run(["npm", "ci", "--omit=optional", "--no-audit", "--no-fund", "--silent"], cwd=folder)

    return install


def npm_there(folder: Path) -> Callable[[], bool]:
    """Whether what is installed is what the folder's lock file asks for."""

    def there() -> bool:
        installed = folder / "node_modules" / ".package-lock.json"
        return (
            installed.is_file()
            and installed.stat().st_mtime >= (folder / "package-lock.json").stat().st_mtime
        )

    return there


def npm_client_there() -> bool:
    """Whether the official OpenAI client is installed for Node."""
    return npm_there(NODE)()


def run(words: list[str], *, env: dict[str, str] | None = None, cwd: Path | None = None) -> str | None:
    """Run a command in silence. The end of what it said, if it failed."""
    done = subprocess.run(
        words, env={**os.environ, **(env or {})}, cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return None
    said = (done.stderr or done.stdout).strip().splitlines()
    return f"{' '.join(words)} failed: {said[-1] if said else f'status {done.returncode}'}"


PROXIES = {
    "caddy": "caddy",
    "haproxy": "haproxy",
    "apache2": "apache2",
    "varnish": "varnishd",
    "squid": "squid",
}
"""Debian's packages, with their programs."""

ENGINES = (
    Engine(name="strace", why="shows which system calls a durable write makes",
           there=command("strace"), install=debian("strace")),
    Engine(name="mkfs.ext4", why="makes the disk that loses its power",
           there=command("mkfs.ext4"), install=debian("e2fsprogs")),
    Engine(name="faketime", why="sets the clock of one replica wrong",
           there=command("faketime"), install=debian("faketime")),
    Engine(name="systemd-analyze", why="judges the unit on the page on operations",
           there=command("systemd-analyze"), install=debian("systemd")),
    Engine(name="curl", why="runs the examples of the documentation",
           there=command("curl"), install=debian("curl")),
    Engine(name="jq", why="reads the answers in those examples",
           there=command("jq"), install=debian("jq")),
    Engine(name="openssl", why="makes digests and certificates",
           there=command("openssl"), install=debian("openssl")),
    Engine(name="runuser", why="starts PostgreSQL, which refuses to run as root",
           there=command("runuser"), install=debian("util-linux")),
    Engine(name="PostgreSQL 15", why="is the oldest that the catalog is tested on",
           there=Path("/usr/lib/postgresql/15/bin/postgres").exists, install=debian("postgresql-15")),
    Engine(name="PgBouncer", why="stands before PostgreSQL, as the page on operations shows",
           there=lambda: pgbouncer_program() is not None, install=debian("pgbouncer")),
    Engine(name="uvicorn 0.40", why="is the oldest that can be given our connection",
           there=OLDEST_UVICORN.is_dir, install=oldest_uvicorn),
    Engine(name="nginx", why="stands before three servers, as the page on operations shows",
           there=lambda: nginx_program() is not None, install=debian("nginx")),
    *(
        Engine(name=name, why="stands before the service, as the recipes show",
               there=lambda program=program: server_program(program) is not None, install=debian(name))
        for name, program in PROXIES.items()
    ),
    Engine(name="chromium", why="uploads from a page, as the recipes show",
           there=command("chromium"), install=debian("chromium")),
    Engine(name="openai for Node", why="must work unchanged against the service",
           there=npm_there(NODE), install=npm(NODE)),
    Engine(name="openapi-python-client", why="makes a client of our OpenAPI document",
           there=(PYTHON_GENERATOR / "bin" / "openapi-python-client").exists, install=python_generator),
    Engine(name="openapi-typescript", why="makes types of it",
           there=npm_there(GENERATED), install=npm(GENERATED)),
    Engine(name="azurite", why="is what az:// is tested on, by Azure's own hand",
           there=npm_there(AZURITE), install=npm(AZURITE)),
    Engine(name="pyright", why="reads the types of the examples as editors do",
           there=npm_there(PYRIGHT), install=npm(PYRIGHT)),
)  # fmt: skip
"""Each with its reason. Another line is all that another engine takes."""


def provide(engines: Iterable[Engine], *, strict: bool) -> int:
    """Install what is missing. Exit status 1 if `strict` and something still is."""
    missing = 0
    for engine in engines:
        if engine.there():
            continue
        print(f"installing {engine.name}, which {engine.why}", flush=True)
        trouble = engine.install() or (None if engine.there() else "it is still not there")
        if trouble:
            missing += 1
            print(f"MISSING {engine.name}, which {engine.why}: {trouble}", file=sys.stderr, flush=True)
    if missing and strict:
        print("With CI=true nothing may be missing.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(provide(ENGINES, strict=os.environ.get("CI") == "true"))
