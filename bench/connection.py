"""Two checkouts of the service beside each other: what one request and one GB cost, in turns on one machine.

`python -m bench.connection --before FOLDER` measures this checkout against the one in FOLDER, with the
packages of FOLDER's own `.venv` if it has one, else with those of this one. Medians; each load runs in turns,
so that what else the machine does hits both alike. CPU for each request scatters less than requests a second.
"""

import argparse
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import httpx2
import psutil

from bench.load import Load, Outcome, carry_out
from bench.process import Process, free_port, listens
from bench.rounds import reaping

ROOT = Path(__file__).resolve().parents[1]
KEY = "hl-bench-key-of-the-default-project"
MIB = 1024 * 1024
PART, FILE = 4 * 1024, 64 * MIB
STORED = {"4 KiB Part", "bulk in"}
"""What leaves files behind, which are deleted at once: fresh memory costs more than what is measured."""


@dataclass(frozen=True, slots=True)
class Server:
    """One version, running."""

    process: Process
    port: int
    blobs: Path

    def load(self, method: str, path: str, **more: object) -> Load:
        """A load with its key."""
        header = f"Authorization: Bearer {KEY}"
        return Load(port=self.port, method=method, path=path, headers=(header,), **more)  # type: ignore[arg-type]


@contextmanager
def running(source: Path, folder: Path, durability: str, workers: int) -> Iterator[Server]:
    """A server out of that checkout, over an empty folder."""
    port = free_port()
    env = {
        **os.environ, "PYTHONPATH": str(source / "src"), "HEAVYLIFT_BOOTSTRAP_KEY": KEY,
        "HEAVYLIFT_DURABILITY": durability, "HEAVYLIFT_DISK_RESERVE": "0", "HEAVYLIFT_LOG_FORMAT": "json",
        "HEAVYLIFT_MAX_OPEN_UPLOADS": "0", "HEAVYLIFT_WORKERS": str(workers),
    }  # fmt: skip
    own = source / ".venv" / "bin" / "python"
    words = [
        str(own) if own.exists() else sys.executable,
        "-m",
        "heavylift.cli",
        "serve",
        "--data",
        str(folder),
        "--port",
        str(port),
    ]
    folder.mkdir()
    process = Process(words, log=folder.with_suffix(".log"), env=env)
    try:
        process.wait_for(lambda: "heavylift serves" in process.said() and listens(port))
        yield Server(process, port, folder / "blobs")
    finally:
        process.stop()


def loads(server: Server, seconds: float) -> Mapping[str, Callable[[int], Load]]:
    """What is measured, by name: a load for so many connections."""
    with httpx2.Client(
        base_url=f"http://127.0.0.1:{server.port}/v1", headers={"Authorization": f"Bearer {KEY}"}, timeout=60
    ) as api:
        large = {"filename": "a", "purpose": "user_data", "bytes": 8 * 1024 * MIB, "mime_type": "x/y"}
        upload = api.post("/uploads", json=large).raise_for_status().json()["id"]
        form = {"file": ("f", bytes(FILE))}
        file = api.post("/files", files=form, data={"purpose": "user_data"}).raise_for_status().json()["id"]
    parts = server.load("POST", f"/v1/uploads/{upload}/parts", size=PART, seconds=seconds)
    given = {
        "/healthz": server.load("GET", "/healthz", seconds=seconds),
        "GET Upload": server.load("GET", f"/v1/uploads/{upload}", seconds=seconds),
        "GET File": server.load("GET", f"/v1/files/{file}", seconds=seconds),
        "create": server.load(
            "POST", "/v1/uploads", fill="create", size=128, type="application/json", seconds=seconds
        ),
        "4 KiB Part": replace(parts, seconds=seconds / 2),
        "bulk in": replace(parts, size=FILE, seconds=0, requests=8),
        "bulk out": server.load("GET", f"/v1/files/{file}/content", requests=16),
    }
    return {
        name: lambda connections, load=load: replace(load, connections=connections)  # type: ignore[misc]
        for name, load in given.items()
    }


def figures(outcome: Outcome) -> tuple[float, float]:
    """What is shown of an outcome: rate (requests, or MB) and CPU (µs a request, or s a GB)."""
    if outcome.bytes > MIB * outcome.requests:
        return outcome.mb_per_second, outcome.cpu_per_gb
    return outcome.requests_per_second, outcome.cpu / outcome.requests * 1e6


def resident(server: Server) -> float:
    """Memory of the process and its children, in MiB."""
    return sum(psutil.Process(pid).memory_info().rss for pid in server.process.family()) / MIB


def idle(server: Server, count: int) -> float:
    """MiB that so many idle connections cost."""
    before = resident(server)
    with ExitStack() as stack:
        for _ in range(count):
            opened = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            opened.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            opened.recv(1000)
        time.sleep(1)  # what was allocated for requests is given back
        return resident(server) - before


def compare(before: Path, given: argparse.Namespace) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = {
            name: stack.enter_context(running(source, Path(folder, name), given.durability, given.workers))
            for name, source in (("before", before), ("now", ROOT))
        }
        rest = {name: resident(server) for name, server in servers.items()}
        todo = {name: loads(server, given.seconds) for name, server in servers.items()}
        print(f"{given.durability}, {given.connections} connections: before, now; rate and CPU", flush=True)
        for what in (what for what in todo["now"] if given.only in what):
            found: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
            many = 2 if what.startswith("bulk") else given.connections
            for _ in range(given.rounds):
                for name, server in servers.items():
                    load = todo[name][what](many)
                    kept = server.blobs.glob("**/") if what in STORED else ()
                    with reaping([*kept], least=load.size):
                        outcome = carry_out(load, server.process.family())
                    found[name].append(figures(outcome))
            rate, cpu = ([median(one[at] for one in found[name]) for name in servers] for at in (0, 1))
            print(
                f"{what:12} {rate[0]:8.0f} {rate[1]:8.0f} x{rate[1] / rate[0]:.2f}"
                f"   CPU {cpu[0]:8.3g} {cpu[1]:8.3g} x{cpu[1] / cpu[0]:.2f}",
                flush=True,
            )
        print("at rest, MiB", {name: round(mib, 1) for name, mib in rest.items()})
        print("2,000 idle, MiB", {name: round(idle(server, 2000), 1) for name, server in servers.items()})


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--durability", choices=("relaxed", "strict"), default="relaxed")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", default="", help="those loads whose name has this in it")
    given = parser.parse_args()
    compare(given.before, given)


if __name__ == "__main__":
    main()
