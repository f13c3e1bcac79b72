"""A service refuses to start on blobs that are not its own, on disk and in an object store."""

import ctypes
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import obstore
import pytest

from heavylift.catalog.location import mounted_type
from heavylift.service.ownership import MARK, WrongBlobs
from heavylift.settings import Settings
from heavylift.stores import make_sweeper, migrate, move_data, open_stores, open_to_serve
from tests.e2e.wire import add_file, not_tested, speaking
from tests.objects import engines
from tests.objects.engines import BUCKET
from tests.serving import serving

OLD = 1_700_000_000
"""Long before any grace."""


def run(data: Path, *words: str, env: Mapping[str, str] | None = None, status: int = 2) -> str:
    """A command over a data folder. What it said on the stream that its status is about."""
    done = subprocess.run(
        [sys.executable, "-m", "heavylift.cli", *words, "--data", str(data)],
        env={**os.environ, "HEAVYLIFT_PORT": "0", **(env or {})},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    said = done.stderr if status else done.stdout
    assert status == 0 or len(said.splitlines()) == 1
    return said


def elsewhere(blobs: Path) -> dict[str, str]:
    return {"HEAVYLIFT_BLOBS": f"file://{blobs}"}


async def opens(data: Path, blobs: str | None = None) -> None:
    """Opened as a service opens its stores. Raises what keeps it from serving."""
    async with open_to_serve(Settings(data=data, blobs=blobs)):
        pass


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stopped service of somebody, with one file that has lain there for long."""
    data = tmp_path_factory.mktemp("original") / "data"
    with serving(data) as served, speaking(served.url, served.key) as api:
        add_file(api, b"theirs")
        [blob] = served.blobs()
    os.utime(blob, (OLD, OLD))
    return data


@pytest.fixture
def theirs(original: Path, tmp_path: Path) -> Path:
    """A copy of it, for one test."""
    return shutil.copytree(original, tmp_path / "theirs")


def bytes_in(blobs: Path) -> list[bytes]:
    return [path.read_bytes() for path in blobs.glob("??/*")]


def test_another_catalog_over_the_same_blobs_neither_serves_nor_sweeps(theirs: Path, tmp_path: Path) -> None:
    env = elsewhere(theirs / "blobs")
    assert "belong to another installation" in run(tmp_path / "ours", "serve", env=env)
    run(tmp_path / "ours", "migrate", env=env, status=0)  # on purpose
    for words in (("serve",), ("sweep",)):
        said = run(tmp_path / "ours", *words, env=env)
        assert "belong to another installation" in said
        assert (theirs / "blobs" / MARK).read_text().strip() in said
        assert "HEAVYLIFT_BLOBS" in said
    assert bytes_in(theirs / "blobs") == [b"theirs"]


async def test_without_the_mark_nobody_takes_them_either(theirs: Path, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "ours", blobs=f"file://{theirs}/blobs")
    (theirs / "blobs" / MARK).unlink()
    async with open_stores(settings) as stores:
        with pytest.raises(WrongBlobs, match="does not know"):
            await make_sweeper(settings, stores).round(confirmed=True)
    said = run(tmp_path / "ours", "serve", env=elsewhere(theirs / "blobs"))
    assert "a folder, bucket or prefix of its own" in said
    assert not (theirs / "blobs" / MARK).exists()
    assert bytes_in(theirs / "blobs") == [b"theirs"]


def test_a_folder_of_somebody_elses_files_is_not_taken_and_not_emptied(tmp_path: Path) -> None:
    """A cache, whose files bear digests for names."""
    names = [hashlib.md5(b"%d" % number).hexdigest() for number in range(20)]
    for name in names:
        path = tmp_path / "cache" / name[:2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"cached")
        os.utime(path, (OLD, OLD))
    said = run(tmp_path / "ours", "serve", env=elsewhere(tmp_path / "cache"))
    assert any(name in said for name in names)
    assert not (tmp_path / "ours").exists()
    run(tmp_path / "ours", "migrate", env=elsewhere(tmp_path / "cache"), status=0)  # on purpose
    for words in (("serve",), ("sweep",), ("sweep", "--yes")):
        said = run(tmp_path / "ours", *words, env=elsewhere(tmp_path / "cache"))
        assert any(name in said for name in names)
    assert bytes_in(tmp_path / "cache") == [b"cached"] * 20


async def test_a_new_disk_is_taken_although_no_catalog_knows_it(tmp_path: Path) -> None:
    (tmp_path / "disk" / "lost+found").mkdir(parents=True)
    await opens(tmp_path / "ours", f"file://{tmp_path}/disk")
    assert (tmp_path / "disk" / MARK).exists()


async def test_a_folder_that_is_not_the_one_it_was_is_noticed_until_the_mark_is_put_there_by_hand(
    theirs: Path,
) -> None:
    mark = (theirs / "blobs" / MARK).read_text()
    (theirs / "blobs").rename(theirs / "unmounted")
    with pytest.raises(WrongBlobs, match="Is the disk mounted") as refused:
        await opens(theirs)
    assert mark.strip() in str(refused.value)
    (theirs / "blobs" / MARK).write_text(mark)
    await opens(theirs)


async def test_blobs_whose_catalog_is_lost_are_free_once_their_mark_says_so(
    theirs: Path, tmp_path: Path
) -> None:
    blobs = theirs / "blobs"
    migrate(Settings(data=tmp_path / "ours", blobs=f"file://{blobs}"))
    with pytest.raises(WrongBlobs, match=r"let the mark say [0-9a-f]{32}") as refused:
        await opens(tmp_path / "ours", f"file://{blobs}")
    (blobs / MARK).write_text(str(refused.value).partition("let the mark say ")[2][:32])
    await opens(tmp_path / "ours", f"file://{blobs}")
    with pytest.raises(WrongBlobs, match="another installation"):
        await opens(theirs)


async def test_an_installation_from_before_there_were_marks_gets_one(theirs: Path) -> None:
    (theirs / "blobs" / MARK).unlink()
    with sqlite3.connect(theirs / "catalog.sqlite") as database:
        database.execute("DELETE FROM installation")
    database.close()
    await opens(theirs)
    assert (theirs / "blobs" / MARK).exists()
    await opens(theirs)


async def moves(old: Settings, new: Settings) -> None:
    await move_data(old, new, lambda _: None)


async def test_who_moves_the_catalog_alone_takes_the_blobs_along(theirs: Path, tmp_path: Path) -> None:
    blobs = f"file://{theirs}/blobs"
    ours = Settings(data=tmp_path / "ours", blobs=blobs)
    for _ in range(2):  # again is fine
        await moves(Settings(data=theirs), ours)
    await opens(tmp_path / "ours", blobs)
    with pytest.raises(WrongBlobs, match="another installation"):
        await opens(theirs)
    assert bytes_in(theirs / "blobs") == [b"theirs"]


async def test_who_moves_the_bytes_too_leaves_the_old_ones_to_the_old_catalog(
    theirs: Path, tmp_path: Path
) -> None:
    ours = tmp_path / "ours"
    await moves(Settings(data=theirs), Settings(data=ours))
    for data in (theirs, ours):
        await opens(data)
    with pytest.raises(WrongBlobs, match="another installation"):
        await opens(theirs, f"file://{ours}/blobs")


def test_nothing_is_moved_among_the_blobs_of_others(theirs: Path, tmp_path: Path) -> None:
    migrate(Settings(data=tmp_path / "third"))
    words = ("migrate-data", "--from", str(tmp_path / "third"), "--to-blobs", f"file://{theirs}/blobs")
    done = subprocess.run(
        [sys.executable, "-m", "heavylift.cli", *words, "--to", str(tmp_path / "ours")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "another installation" in done.stderr
    assert bytes_in(theirs / "blobs") == [b"theirs"]


@pytest.mark.parametrize("engine", ["seaweed", "poor"])
async def test_two_machines_with_a_sqlite_each_do_not_share_a_bucket(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store").mkdir()
    with getattr(engines, engine)(tmp_path / "store") as store:
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        url = f"s3://{BUCKET}/{uuid4().hex}"
        for _ in range(2):
            await opens(tmp_path / "one", url)
        with pytest.raises(WrongBlobs, match="another installation"):
            await opens(tmp_path / "two", url)
        await opens(tmp_path / "two", f"{url}-2")
        obstore.delete(store.client(), f"{url.rpartition('/')[2]}/{MARK}")
        with pytest.raises(WrongBlobs, match=r"mark .* is missing"):
            await opens(tmp_path / "one", url)


@pytest.fixture
def network_folder(tmp_path: Path) -> Iterator[Path]:
    """A place where a network file system is mounted whose server is gone."""
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        not_tested("A NETWORK FILE SYSTEM WAS NOT TESTED: it takes root and /dev/fuse to mount one")
    c = ctypes.CDLL(None, use_errno=True)
    (tmp_path / "shared").mkdir()
    folder = str(tmp_path / "shared").encode()
    with ExitStack() as stack, open("/dev/fuse", "r+b", buffering=0) as device:
        options = f"fd={device.fileno()},rootmode=40000,user_id=0,group_id=0".encode()
        if c.mount(b"nobody", folder, b"fuse.sshfs", 0, options):
            not_tested(f"A NETWORK FILE SYSTEM WAS NOT TESTED: {os.strerror(ctypes.get_errno())}")
        stack.callback(c.umount2, folder, 2)
        device.close()
        yield tmp_path / "shared"
    assert str(tmp_path) not in MOUNT_TABLE.read_text()


def test_sqlite_on_a_network_file_system_is_refused(network_folder: Path) -> None:
    said = run(network_folder / "data", "serve")
    assert "network file system (fuse.sshfs)" in said
    assert "postgresql://" in said


MOUNT_TABLE = Path("/proc/self/mountinfo")

MOUNTS = r"""
21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 21 0:40 / /srv rw shared:1 - nfs4 server:/srv rw
31 30 8:2 / /srv/local\040disk rw - xfs /dev/sdb1 rw
32 21 0:41 / /mnt rw - tmpfs none rw
33 21 0:42 / /mnt rw - cifs //server/share rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/heavylift/catalog.sqlite", "ext4"),
        ("/srv/heavylift/catalog.sqlite", "nfs4"),
        ("/srvx/catalog.sqlite", "ext4"),
        ("/srv/local disk/catalog.sqlite", "xfs"),
        ("/mnt/catalog.sqlite", "cifs"),
    ],
)
def test_the_innermost_and_latest_mount_tells_the_type(path: str, kind: str) -> None:
    assert mounted_type(path, MOUNTS.strip()) == kind


def test_settings_and_keys_work_on_any_blobs(theirs: Path) -> None:
    """Whoever is refused can still look around."""
    (theirs / "blobs" / MARK).unlink()
    assert json.loads(run(theirs, "keys", "list", "--json", status=0))
