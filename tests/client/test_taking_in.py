"""Taking in what can be read only once: it can be given up, and leaves nothing behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from heavylift.client.config import Setting
from heavylift.client.drivers.asynchronous import AsyncDriver
from heavylift.client.drivers.transport import AsyncTransport
from heavylift.client.stories.upload import upload_file
from tests.client.rig import URL, Rig
from tests.client.scripted import Scripted
from tests.client.story import CONTENT, stored

SECONDS = 60
"""A bound, not a wait."""


@pytest.fixture
async def driver(tmp_path: Path) -> AsyncIterator[tuple[AsyncDriver, Scripted]]:
    server = Scripted()
    setting = Setting(server_url=URL, state_folder=tmp_path)
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(server)) as client:
        yield AsyncDriver(AsyncTransport(client), setting), server


class Standing:
    """A file whose `read` gives one block and then stands still until it is released."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.released = threading.Event()
        self.reads = 0

    def read(self, size: int) -> bytes:
        self.reads += 1
        if self.reads == 2:
            self.entered.set()
            assert self.released.wait(SECONDS)
        return b"x" if self.reads < 3 else b""


def iterated(standing: Standing) -> Iterator[bytes]:
    while block := standing.read(1):
        yield block


@pytest.mark.parametrize("form", [lambda standing: standing, iterated], ids=["file", "iterator"])
async def test_a_users_read_that_does_not_come_back_is_left_behind(
    driver: tuple[AsyncDriver, Scripted], form: Callable[[Standing], Any]
) -> None:
    standing = Standing()
    taking = asyncio.create_task(
        driver[0].run(upload_file(file=form(standing), filename="f", purpose="batch"))
    )
    await asyncio.to_thread(standing.entered.wait, SECONDS)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(taking, SECONDS)
    assert not standing.released.is_set()
    standing.released.set()
    for thread in threading.enumerate():
        if thread.name == "heavylift-work":
            await asyncio.to_thread(thread.join, SECONDS)
    assert standing.reads == 2  # nobody reads on
    assert driver[1].asked == []


def named_pipe(folder: Path) -> tuple[Any, Callable[[], object]]:
    path = folder / "pipe"
    os.mkfifo(path)
    return path, lambda: None


def held_pipe(folder: Path) -> tuple[Any, Callable[[], object]]:
    """Somebody holds its other end, and writes nothing more."""
    path = folder / "pipe"
    os.mkfifo(path)
    holder = os.open(path, os.O_RDWR)
    os.write(holder, b"a little")
    return path, lambda: os.close(holder)


def open_pipe(folder: Path) -> tuple[Any, Callable[[], object]]:
    read, write = os.pipe()
    os.write(write, b"a little")
    file = open(read, "rb")  # noqa: SIM115 - closed by the test
    return file, lambda: (file.close(), os.close(write))


@pytest.mark.parametrize("make", [named_pipe, held_pipe, open_pipe])
async def test_a_pipe_that_gives_nothing_can_be_given_up(
    driver: tuple[AsyncDriver, Scripted], tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    file, close = make(tmp_path)
    before = set(threading.enumerate())
    taking = asyncio.create_task(driver[0].run(upload_file(file=file, filename="f", purpose="batch")))
    while before >= set(threading.enumerate()):
        await asyncio.sleep(0)  # until it is at it
    working = set(threading.enumerate()) - before
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(taking, SECONDS)
    for thread in working:
        thread.join(SECONDS)
    assert not any(thread.is_alive() for thread in working)
    close()


def test_a_named_pipe_is_read_to_its_end_however_late_somebody_writes(
    rig: Rig, server: Scripted, tmp_path: Path
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    words = (
        f"import time, sys; time.sleep(.3); f = open({str(path)!r}, 'wb'); f.write(bytes(range(256)) * 40)"
    )
    with subprocess.Popen([sys.executable, "-c", words]):
        rig.run(upload_file(file=path, purpose="batch", part_size=4000))
    assert stored(server) == CONTENT


async def test_names_are_looked_up_while_users_reads_stand_still(
    driver: tuple[AsyncDriver, Scripted],
) -> None:
    """Also with the smallest pool that an event loop can have for that."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    standing = [Standing() for _ in range(40)]
    taking = [
        asyncio.create_task(driver[0].run(upload_file(file=file, filename="f", purpose="batch")))
        for file in standing
    ]
    while not all(file.entered.is_set() for file in standing):
        await asyncio.sleep(0.01)
    async with asyncio.timeout(SECONDS):
        assert await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    for file in standing:
        file.released.set()
    await asyncio.gather(*taking)


async def test_files_are_read_while_names_are_looked_up_slowly(
    driver: tuple[AsyncDriver, Scripted], tmp_path: Path
) -> None:
    """The other way round: the event loop's own threads are all taken."""
    release = threading.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    occupied = loop.run_in_executor(None, release.wait, SECONDS)
    path = tmp_path / "f"
    path.write_bytes(CONTENT)
    async with asyncio.timeout(SECONDS / 2):
        await driver[0].run(upload_file(file=path, purpose="batch", part_size=4000))
    assert stored(driver[1]) == CONTENT
    assert not occupied.done()
    release.set()
    await occupied


def test_the_temporary_file_has_no_name_from_the_first_byte_on(
    rig: Rig, server: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    seen: list[str] = []

    def content() -> Iterator[bytes]:
        yield CONTENT[:5000]
        seen.extend(os.listdir(folder))
        yield CONTENT[5000:]

    rig.run(upload_file(file=content(), filename="f", purpose="batch", part_size=1000))
    assert stored(server) == CONTENT
    assert seen == []


SPOOLING = """
import signal
import sys
from heavylift import Heavylift

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored by what nohup starts, and by its children

def standing():
    yield b"x" * 1_000_000
    print("taken in", flush=True)
    sys.stdin.read()

client = Heavylift(api_key="", server_url="http://127.0.0.1:9/v1")
client.files.create_file(file=standing(), filename="f", purpose="batch")
"""


@pytest.mark.parametrize("deadly", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_process_that_is_ended_leaves_no_spooled_bytes(tmp_path: Path, deadly: signal.Signals) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", SPOOLING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken in\n"
        process.send_signal(deadly)
        assert process.wait(SECONDS) == -deadly
    assert os.listdir(tmp_path) == []


FULL = """
import resource, sys
from heavylift.client.spool import Spooled

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
spooled = Spooled(name="f")
try:
    spooled.write(b"x" * 50_000)
    spooled.write(b"x" * 200_000)
    spooled.finish()
except OSError as error:
    print(error.filename, error.strerror)
spooled.close()
"""


def test_a_folder_for_temporary_files_without_room_is_named_with_its_variable(tmp_path: Path) -> None:
    said = subprocess.check_output(
        [sys.executable, "-c", FULL], env={**os.environ, "TMPDIR": str(tmp_path)}, text=True
    )
    assert said.startswith(f"{tmp_path} ")
    assert "TMPDIR" in said
