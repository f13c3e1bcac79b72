"""The SDK beside OpenAI's own upload helper: the same file to the same server, each in a fresh process.

Run it with `python -m bench.client`. Rounds are interleaved and every File is deleted at once, so that
no candidate pays for fresh memory pages that another one has not had to touch.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from bench.process import Process

MIB = 1024 * 1024
KEY = "hl-bench-key-of-the-default-project"
SEED = 64 * MIB
"""Random bytes that the file repeats: making them must not take longer than sending them."""

MEASURE = """
import json, resource, sys, time
url, key, path, state = sys.argv[1:]
{prepare}
began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
{upload}
took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
{forget}
cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps({{"seconds": took, "cpu": cpu, "peak": after.ru_maxrss * 1024}}))
"""

OPENAI = MEASURE.format(
    prepare="""
from pathlib import Path
from openai import OpenAI
client = OpenAI(base_url=url, api_key=key)
client.files.list(limit=1)""",
    upload="""
kind = "application/jsonl"
done = client.uploads.upload_file_chunked(file=Path(path), mime_type=kind, purpose="user_data")""",
    forget="client.files.delete(done.file.id)",
)

OURS = MEASURE.format(
    prepare="""
from heavylift import Heavylift
client = Heavylift(server_url=url, api_key=key, state_folder=state)
list(client.files.list_files(limit=1))""",
    upload="done = client.uploads.upload_file(file=path, purpose='user_data', max_concurrency={most})",
    forget="client.files.delete_file(file_id=done.file.id)",
)

CANDIDATES: Mapping[str, str] = {
    "openai upload_file_chunked": OPENAI,
    **{f"heavylift, {most} in flight": OURS.replace("{most}", str(most)) for most in (1, 4, 8)},
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--relaxed", action="store_true", help="a server that does not wait for the disk")
    parser.add_argument("--folder", type=Path, help="where the data lies; a temporary folder otherwise")
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=wishes.folder) as name:
        folder = Path(name)
        path = folder / "big.jsonl"
        make_file(path, wishes.mib)
        process, url = serve(folder, relaxed=wishes.relaxed)
        try:
            table = measure(url, path, folder, wishes.rounds)
        finally:
            process.stop()
    show(table, wishes.mib)


def make_file(path: Path, mib: int) -> None:
    """A file of that size, of bytes that do not compress."""
    seed = os.urandom(min(SEED, mib * MIB))
    with path.open("wb") as file:
        while file.tell() < mib * MIB:
            file.write(seed[: mib * MIB - file.tell()])


def serve(folder: Path, *, relaxed: bool) -> tuple[Process, str]:
    """A server on a free port, and its URL."""
    environment = {**os.environ, "HEAVYLIFT_BOOTSTRAP_KEY": KEY, "PYTHONUNBUFFERED": "1"}
    environment["HEAVYLIFT_MAX_OPEN_UPLOADS"] = "0"
    if relaxed:
        environment["HEAVYLIFT_DURABILITY"] = "relaxed"
    words = [sys.executable, "-m", "heavylift.cli", "serve", "--data", str(folder / "data"), "--port", "0"]
    process = Process(words, log=folder / "server.log", env=environment)
    process.wait_for(lambda: "heavylift serves " in process.said())
    [line] = [line for line in process.said().splitlines() if line.startswith("heavylift serves ")]
    return process, line.split()[-1]


def measure(url: str, path: Path, folder: Path, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Every candidate once per round, after one round that does not count."""
    table: dict[str, list[dict[str, float]]] = {name: [] for name in CANDIDATES}
    for number in range(rounds + 1):
        for name, program in CANDIDATES.items():
            words = [sys.executable, "-c", program, url, KEY, str(path), str(folder / "state")]
            told = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
            if number:
                table[name].append(json.loads(told.stdout))
    return table


def show(table: dict[str, list[dict[str, float]]], mib: int) -> None:
    """Medians, and the ratio of the times to the first candidate's."""
    print(f"| {mib} MiB | seconds | ratio | MB/s | CPU s/GB | peak MiB | rounds |")
    print("|---|---|---|---|---|---|---|")
    size = mib * MIB
    first = None
    for name, rounds in table.items():
        seconds = median(each["seconds"] for each in rounds)
        cpu = median(each["cpu"] for each in rounds) / size * 1e9
        peak = max(each["peak"] for each in rounds) / MIB
        first = first or seconds
        spread = " ".join(f"{each['seconds']:.2f}" for each in rounds)
        print(
            f"| {name} | {seconds:.2f} | {seconds / first:.2f} | {size / seconds / 1e6:.0f} "
            f"| {cpu:.2f} | {peak:.0f} | {spread} |"
        )


if __name__ == "__main__":
    main()
