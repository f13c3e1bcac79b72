"""What a first start makes in the file system: names that last, and a mark that one of many sets."""

import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from heavylift.blobs.disk import DiskBlobs
from tests.e2e.wire import not_tested

ROUNDS, RIVALS = 100, 6


def test_the_names_of_new_folders_are_synced_up_to_the_one_that_existed(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        not_tested("WHICH FOLDERS ARE SYNCED WAS NOT TESTED: strace is not installed")
    data, log = tmp_path / "some" / "new" / "data", tmp_path / "log"
    command = [sys.executable, "-m", "heavylift.cli", "migrate", "--data", str(data)]
    subprocess.run(
        ["strace", "-f", "-qq", "-y", "-o", str(log), "-e", "trace=fsync", *command],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    synced = {line.partition("<")[2].partition(">")[0] for line in log.read_text().splitlines()}
    wanted = {str(folder) for folder in (tmp_path, tmp_path / "some", tmp_path / "some" / "new", data)}
    assert wanted <= synced


async def test_of_many_that_mark_a_folder_at_once_one_wins_and_all_see_it(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        blobs = DiskBlobs(tmp_path, threads=1, durable=False)
        started = threading.Barrier(RIVALS)

        def claim(name: str, blobs: DiskBlobs = blobs, started: threading.Barrier = started) -> str | None:
            started.wait()
            blobs._set_mark(name, replace=False)
            return blobs._mark()

        with ThreadPoolExecutor(RIVALS) as pool:
            seen = set(pool.map(claim, [f"{number}-{rival}" for rival in range(RIVALS)]))
        await blobs.close()
        (tmp_path / "heavylift-installation").unlink()
        assert len(seen) == 1, "two of them believe that the folder is theirs"
