"""A download that is cancelled, wherever it is, leaves the target whole or as it was."""

import asyncio
import os
import random
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from heavylift import AsyncHeavylift
from heavylift.client import checksums
from tests.client.fetching import BYTES, CONTENT, QUICK, RANGE, ranged
from tests.support.answers import Answer, Asked
from tests.support.stand_in import StandIn, keep, stand_in_server

ETAG = f'"{checksums.extend(0, CONTENT):016x}"'
ROUNDS = 40
SEED = 13


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class Cancelling:
    """Cancels a download after so many pieces of so many answers."""

    def __init__(self, server: StandIn, folder: Path) -> None:
        self.server = server
        self.setting: dict[str, Any] = {
            "server_url": server.url,
            "api_key": "",
            "state_folder": folder / "state",
            "retry_config": QUICK,
        }
        self.target = folder / "in" / "here.bin"
        self.target.parent.mkdir()

    async def save(self, *, after: int | None = None, **wishes: Any) -> bool:
        """Whether it came to its end."""
        async with AsyncHeavylift(**self.setting) as client:
            asked = {"file_id": "file-1", "to": self.target, "range_size": RANGE, **wishes}
            task = asyncio.ensure_future(client.files.save_file(**asked))
            if after is not None:
                self._strike(task, after)
            try:
                await task
            except asyncio.CancelledError:
                return False
            return True

    def _strike(self, task: "asyncio.Future[Any]", after: int) -> None:
        """In the middle of the answer with that number, counted from 0; none: once all have come."""
        loop = asyncio.get_running_loop()

        def struck(asked: Asked) -> Answer | None:
            if self.server.count(BYTES) <= after:
                return None
            whole = ranged(CONTENT, asked, etag=ETAG)
            assert isinstance(whole.body, bytes)
            half = len(whole.body) // 2
            strike = partial(loop.call_soon_threadsafe, task.cancel)
            return replace(whole, body=[whole.body[:half], strike, whole.body[half:]])

        self.server.answers(BYTES, struck, forever=True)

    def mend(self) -> None:
        self.server.faults.clear()
        self.server.requests.clear()


async def test_wherever_it_is_cancelled_nothing_is_torn(tmp_path: Path):
    dice = random.Random(SEED)
    with stand_in_server() as server:
        server.extensions = True
        keep(server, "kept.bin", "user_data", CONTENT)
        round_of = Cancelling(server, tmp_path)
        assert await round_of.save()
        round_of.target.unlink()
        before = descriptors()
        cancelled = 0
        for _ in range(ROUNDS):
            there = dice.random() < 0.5
            if there:
                round_of.target.write_bytes(b"what was there")
            wishes = {"max_concurrency": dice.choice([1, 2, 4]), "resume": dice.random() < 0.7}
            ended = await round_of.save(after=dice.randrange(8), **wishes)
            cancelled += not ended
            left = round_of.target.read_bytes() if round_of.target.exists() else None
            assert left == (CONTENT if ended else b"what was there" if there else None)
            round_of.mend()
            assert await round_of.save()
            assert round_of.target.read_bytes() == CONTENT
            assert [path.name for path in round_of.target.parent.iterdir()] == ["here.bin"]
            round_of.target.unlink()
            round_of.mend()
        assert ROUNDS // 4 < cancelled < ROUNDS
        async with asyncio.timeout(60):  # the server's threads close what they hear of
            while descriptors() > before + 2:
                await asyncio.sleep(0.01)


async def test_a_pipe_that_nobody_reads_can_be_given_up(tmp_path: Path):
    with stand_in_server() as server:
        keep(server, "kept.bin", "user_data", CONTENT)
        round_of = Cancelling(server, tmp_path)
        os.mkfifo(round_of.target)
        task = asyncio.ensure_future(round_of.save())
        while not server.count("GET /files/file-1"):
            await asyncio.sleep(0)
        task.cancel()
        assert not await asyncio.wait_for(task, 60)
        assert round_of.target.is_fifo()


@pytest.mark.parametrize("resume", [True, False])
async def test_what_was_fetched_before_a_cancellation_is_kept_if_wished(tmp_path: Path, resume: bool):
    with stand_in_server() as server:
        server.extensions = True
        keep(server, "kept.bin", "user_data", CONTENT)
        round_of = Cancelling(server, tmp_path)
        assert not await round_of.save(after=3, max_concurrency=1, resume=resume)
        left = [path.suffix for path in round_of.target.parent.iterdir()]
        assert left == ([".part"] if resume else [])
        round_of.mend()
        assert await round_of.save(resume=resume)
        assert server.count(BYTES) == (3 if resume else 6)
