"""The first key is never lost: it lies in its file, durably, before it opens anything, and stays there."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from heavylift.catalog import open_catalog
from heavylift.service.keys import FIRST_SECONDS, FirstKey, Keys, digest_of
from heavylift.settings import Settings
from heavylift.stores import keep_key, migrate
from tests.e2e.wire import not_tested

START = """
import asyncio
import os
from heavylift.settings import Settings
from heavylift.stores import bootstrap, make_keys, migrate, open_stores

async def start():
    async with open_stores(settings) as stores:
        await bootstrap(settings, make_keys(stores))

settings = Settings()
migrate(settings)
asyncio.run(start())
"""
"""What a start does before it serves."""


class Died(BaseException):
    """As kill -9: nothing more is done."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data=tmp_path / "data")
    migrate(settings)
    return settings


def test_the_file_and_its_name_are_durable_before_the_key_opens_anything(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        not_tested("WHAT IS SYNCED BEFORE A KEY WAS NOT TESTED: strace is not installed")
    data, log = tmp_path / "data", tmp_path / "log"
    strace = ["strace", "-f", "-qq", "-y", "-s", "8192", "-o", str(log), "-e"]
    strace.append("trace=fsync,fdatasync,link,linkat,rename,renameat,renameat2,pwrite64")
    subprocess.run(
        [*strace, sys.executable, "-c", START],
        check=True, capture_output=True, timeout=120, env={**os.environ, "HEAVYLIFT_DATA": str(data)},
    )  # fmt: skip
    digest = digest_of((data / "api-key").read_text().strip())
    lines = log.read_text(errors="replace").splitlines()

    def first(wanted: Callable[[str], bool], *, after: int = 0) -> int:
        return next(number for number, line in enumerate(lines) if number >= after and wanted(line))

    content = first(lambda line: "sync(" in line and f"{data}/api-key-" in line)
    name = first(lambda line: "api-key-" in line and f'{data}/api-key"' in line, after=content)
    folder = first(lambda line: "sync(" in line and f"<{data}>" in line, after=name)
    row = first(lambda line: "pwrite64(" in line and digest in line)
    assert content < name < folder < row


@pytest.mark.parametrize("dies", [False, True], ids=["and_goes_on", "and_dies_then"])
async def test_who_stood_still_while_another_made_the_key_does_not_take_its_place(
    settings: Settings, dies: bool
) -> None:
    def stand_still(secret: str) -> str:
        """Before it writes, for so long that somebody else takes the turn over."""
        with ThreadPoolExecutor(1) as another:
            other = another.submit(asyncio.run, start(settings, later=FIRST_SECONDS + 1)).result()
        assert other.secret is not None
        kept = keep_key(settings, secret)
        if dies:
            raise Died
        return kept

    with pytest.raises(Died) if dies else nullcontext():
        assert (await start(settings, keep=stand_still)).secret is None
    await check_kept(settings)


async def test_what_a_start_kept_that_broke_off_becomes_the_key_of_the_next(settings: Settings) -> None:
    def die(secret: str) -> str:
        keep_key(settings, secret)
        raise Died

    with pytest.raises(Died):
        await start(settings, keep=die)
    kept = settings.key_file.read_text().strip()
    assert (await start(settings, later=FIRST_SECONDS + 1)).secret == kept
    await check_kept(settings)


@pytest.mark.parametrize("content", ["", "hl-torn", "no key at all\n"])
async def test_what_cannot_be_a_key_is_replaced(settings: Settings, content: str) -> None:
    settings.key_file.write_text(content)
    settings.key_file.chmod(0o600)
    assert (await start(settings)).secret is not None
    await check_kept(settings)


async def test_a_key_that_others_could_read_is_none(settings: Settings) -> None:
    open_to_all = f"hl-{'x' * 43}"
    settings.key_file.write_text(open_to_all)
    settings.key_file.chmod(0o644)
    assert (await start(settings)).secret not in {None, open_to_all}
    await check_kept(settings)


async def start(
    settings: Settings, *, keep: Callable[[str], str] | None = None, later: float = 0.0
) -> FirstKey:
    """What a start by such a clock does about the first key."""

    def clock() -> float:
        return time.time() + later

    catalog = open_catalog(settings.catalog_url, clock=clock)
    try:
        return await Keys(catalog, clock=clock).bootstrap(
            keep=keep or (lambda secret: keep_key(settings, secret))
        )
    finally:
        await catalog.close()


async def check_kept(settings: Settings) -> None:
    """There is one key, and it is the one in the file."""
    catalog = open_catalog(settings.catalog_url, clock=time.time)
    try:
        assert await catalog.key_owner(digest_of(settings.key_file.read_text().strip())) is not None
        assert len(await catalog.keys()) == 1
    finally:
        await catalog.close()
