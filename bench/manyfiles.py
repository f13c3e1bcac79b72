"""Many small files: the SDK and the command line beside a loop over openai's `files.create`, up and down.

Run it with `python -m bench.manyfiles`. Every candidate has a fresh process and a fresh server, and rounds
are interleaved. The command line pays for its start as well.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from bench.client import KEY, serve

DIRECTIONS = ("up", "down")

MEASURE = """
import json, resource, subprocess, sys, time
from pathlib import Path
url, key, folder, target, state = sys.argv[1:]
{prepare}
told = {{}}
def spent():
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))
def measure(what, function):
    began, before = time.perf_counter(), spent()
    function()
    told[what] = {{"seconds": time.perf_counter() - began, "cpu": spent() - before}}
{steps}
print(json.dumps(told))
"""

OPENAI = MEASURE.format(
    prepare="""
from openai import OpenAI
client = OpenAI(base_url=url, api_key=key)
client.files.list(limit=1)
made = []""",
    steps="""
def up():
    for path in sorted(Path(folder).iterdir()):
        made.append(client.files.create(file=path, purpose="user_data"))
def down():
    for file in made:
        client.files.content(file.id).write_to_file(Path(target, file.filename))
measure("up", up)
measure("down", down)""",
)

SDK = MEASURE.format(
    prepare="""
from heavylift import Heavylift
client = Heavylift(server_url=url, api_key=key, state_folder=state)
next(iter(client.files.list_files(limit=1)), None)""",
    steps="""
measure("up", lambda: client.files.upload_files(folder, purpose="user_data"))
measure("down", lambda: client.files.download_files(purpose="user_data", to=target))""",
)

COMMAND = MEASURE.format(
    prepare="""
import os
os.environ |= dict(HEAVYLIFT_BASE_URL=url, HEAVYLIFT_API_KEY=key, XDG_STATE_HOME=state)
def heavylift(*words):
    command = [sys.executable, "-m", "heavylift.cli", *words, "-q"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)""",
    steps="""
measure("up", lambda: heavylift("upload", folder, "--purpose", "user_data"))
measure("down", lambda: heavylift("download", "--purpose", "user_data", "--to", target))""",
)

CANDIDATES: Mapping[str, str] = {
    "openai, one after another": OPENAI,
    "heavylift, upload_files and download_files": SDK,
    "heavylift upload DIR, download --purpose": COMMAND,
}

Told = dict[str, dict[str, float]]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="how many")
    parser.add_argument("--bytes", type=int, default=10_000, help="of each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--relaxed", action="store_true", help="a server that does not wait for the disk")
    parser.add_argument("--folder", type=Path, help="where the data lies; a temporary folder otherwise")
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=wishes.folder) as name:
        source = Path(name, "source")
        make_files(source, wishes.files, wishes.bytes)
        table: dict[str, list[Told]] = {name: [] for name in CANDIDATES}
        for _ in range(wishes.rounds):
            for candidate in CANDIDATES:
                table[candidate].append(measure(candidate, source, Path(name, "run"), wishes.relaxed))
    show(table, wishes.files)


def make_files(folder: Path, count: int, size: int) -> None:
    """So many files of different bytes."""
    folder.mkdir(parents=True)
    chance = random.Random(11)
    for number in range(count):
        (folder / f"{number:06}.bin").write_bytes(chance.randbytes(size))


def measure(candidate: str, source: Path, folder: Path, relaxed: bool) -> Told:
    """All files up and down again, by one candidate; raises if what came back is not what was sent."""
    target = folder / "target"
    target.mkdir(parents=True)
    process, url = serve(folder, relaxed=relaxed)
    try:
        words = [sys.executable, "-c", CANDIDATES[candidate], url, KEY, str(source), str(target)]
        done = subprocess.run([*words, str(folder / "state")], stdout=subprocess.PIPE, text=True, check=True)
    finally:
        process.stop()
    compare(source, target)
    shutil.rmtree(folder)
    told: Told = json.loads(done.stdout)
    return told


def compare(source: Path, target: Path) -> None:
    """Raises ValueError unless both hold the same files."""
    for path in source.iterdir():
        if (target / path.name).read_bytes() != path.read_bytes():
            raise ValueError(f"{path.name} came back as another file")


def show(table: dict[str, list[Told]], files: int) -> None:
    """Medians, and how many times as fast as the first candidate."""
    heads = [f"{what}, {head}" for what in DIRECTIONS for head in ("s", "files/s", "ratio", "CPU ms a file")]
    print(f"| {files} files | {' | '.join(heads)} |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    first: dict[str, float] = {}
    for name, rounds in table.items():
        cells = []
        for what in DIRECTIONS:
            seconds = median(told[what]["seconds"] for told in rounds)
            cpu = median(told[what]["cpu"] for told in rounds)
            first.setdefault(what, seconds)
            cells += [f"{seconds:.1f}", f"{files / seconds:.0f}", f"{first[what] / seconds:.1f}",
                      f"{1000 * cpu / files:.2f}"]  # fmt: skip
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
