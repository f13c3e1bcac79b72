"""What may befall the locks by which processes take turns: it stops nobody, and nobody for long."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from heavylift.catalog import open_catalog
from heavylift.catalog.presence import SERVING
from heavylift.catalog.turns import PATIENCE, QUEUE, TURN, Turns
from tests.contract.catalog_facts import MINE, NOW, new_upload
from tests.e2e.wire import not_tested

TIMES = 20

NOBODY = 65534

HOLDER = """if True:
    import fcntl, sys
    file = open(sys.argv[1], "r+")
    fcntl.lockf(file, fcntl.LOCK_EX, 1, int(sys.argv[2]))
    print(flush=True)
    input()"""

COUNT = f"""if True:
    import sys
    from heavylift.catalog.turns import Turns
    waited = []
    turns = Turns(sys.argv[1], pause=waited.append)
    for _ in range({TIMES}):
        with turns.turn():
            pass
    print(len(waited))"""
"""Takes its turns, and says how often it had to wait."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite"


@contextmanager
def stopped(path: Path, lock: int) -> Iterator[None]:
    """A process that has one of the two locks and stands still."""
    words = [sys.executable, "-c", HOLDER, f"{path}{SERVING}", str(lock)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            holder.kill()


def waited(path: Path) -> float:
    """Seconds of waiting in some turns, one after the other, by a clock that goes by waiting alone."""
    seconds = [0.0]

    def pause(more: float) -> None:
        seconds[0] += more

    turns = Turns(str(path), elapsed=lambda: seconds[0], pause=pause)
    for _ in range(TIMES):
        with turns.turn():
            pass
    turns.close()
    return seconds[0]


@pytest.mark.parametrize("lock", [QUEUE, TURN])
def test_who_stands_still_is_waited_for_less_and_less(path: Path, lock: int) -> None:
    assert waited(path) == 0
    with stopped(path, lock):
        assert PATIENCE <= waited(path) <= 3 * PATIENCE
    assert waited(path) == 0


def test_where_there_are_no_locks_nobody_waits_for_them(path: Path) -> None:
    if shutil.which("strace") is None:
        not_tested("A FILE SYSTEM WITHOUT LOCKS WAS NOT TESTED: strace is not here")
    assert waited(path) == 0
    words = ["strace", "-f", "-qq", "-o", os.devnull, "-P", f"{path}{SERVING}", "-e", "trace=fcntl"]
    words += ["-e", "inject=fcntl:error=ENOLCK", sys.executable, "-c", COUNT, str(path)]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "0\n"


async def test_a_catalog_whose_lock_was_taken_away_or_cannot_be_made_is_written_to(path: Path) -> None:
    upload, other = new_upload(), new_upload()
    first = open_catalog(f"sqlite:///{path}")
    await first.add_upload(upload)
    lock = Path(f"{path}{SERVING}")
    lock.unlink()
    lock.mkdir()  # which cannot be opened for writing
    second = open_catalog(f"sqlite:///{path}")
    await second.add_upload(other)
    assert await first.cancel(MINE, other.id, judged_at=NOW, due=0)
    assert await second.cancel(MINE, upload.id, judged_at=NOW, due=0)
    for catalog in (first, second):
        await catalog.close()


async def test_of_two_catalogs_in_a_process_one_may_close_first(path: Path) -> None:
    url = f"sqlite:///{path}"
    first, second = open_catalog(url), open_catalog(url)
    uploads = [new_upload() for _ in range(TIMES)]
    for upload in uploads:
        await first.add_upload(upload)
        assert await second.cancel(MINE, upload.id, judged_at=NOW, due=0)
    await first.close()
    await second.add_upload(new_upload())
    await second.close()


async def test_what_root_makes_beside_anothers_catalog_is_the_others(path: Path) -> None:
    if os.geteuid() != 0:
        not_tested("FILES THAT ROOT MAKES WERE NOT TESTED: this is not root")
    url, lock = f"sqlite:///{path}", Path(f"{path}{SERVING}")
    await open_catalog(url).close()
    lock.unlink()  # as an older version leaves it
    os.chown(path, NOBODY, NOBODY)
    await open_catalog(url).close()
    assert (lock.stat().st_uid, lock.stat().st_gid) == (NOBODY, NOBODY)
