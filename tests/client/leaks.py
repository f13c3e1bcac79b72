"""Thousands of calls to a server that misbehaves: `python -m tests.client.leaks --calls 10000 --seed 1`.

After them as many descriptors are open and threads alive as before, whatever went wrong in between.
"""

import argparse
import asyncio
import gc
import inspect
import os
import random
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heavylift import AsyncHeavylift, BackoffStrategy, Heavylift, Hooks, RetryConfig, errors
from tests.support.answers import Answer, Asked, page
from tests.support.stand_in import StandIn, keep, stand_in_server

RETRIES = RetryConfig(backoff=BackoffStrategy(initial_interval=0, max_interval=1, max_elapsed_time=20))
POOLED = 12
"""Descriptors of three connections at once, counted at both ends, and as many that are just closing."""

JSON = {"content-type": "application/json"}
WRONG = (
    Answer(headers=JSON, body=b'{"id": "file-1"}', cut=3, by="RST"),
    Answer(headers=JSON, body=b'{"id": "file-1"}', cut=3),
    Answer(status=200, headers={**JSON, "content-encoding": "gzip"}, body=b"no gzip"),
    Answer(status=307, headers={"location": "/v1/elsewhere"}),
    Answer(status=503, headers={"retry-after": "0"}),
    Answer(head=b"no HTTP at all\r\n\r\n"),
    page(),
    page(502),
    Answer(headers=JSON, body=b"[]"),
)


class Spoilt(errors.HeavyliftError):
    """What a hook raises."""


@dataclass
class Spoiling(Hooks):
    """Some answers displease it."""

    dice: random.Random

    def after_success(self, context: Any, answer: Any) -> Any:
        """Raise now and then."""
        if self.dice.random() < 0.05:
            raise Spoilt
        return answer


def misbehave(server: StandIn, dice: random.Random) -> None:
    """A third of all answers are wrong, some as soon as the head of a request is there."""
    server.extensions = True
    keep(server, "a.bin", "user_data", bytes(100_000))

    def wrong(asked: Asked) -> Answer | None:
        return dice.choice(WRONG) if dice.random() < 0.3 else None

    server.answers(".*", wrong, forever=True)


def calls(client: Any, folder: Path) -> list[Callable[[], Any]]:
    """One of each kind; what they give may have to be awaited."""
    files, uploads = client.files, client.uploads
    path = folder / "sent.bin"
    path.write_bytes(bytes(3000))
    return [
        lambda: files.retrieve_file(file_id="file-1"),
        lambda: files.create_file(file=b"abc", filename="a", purpose="user_data"),
        lambda: files.delete_file(file_id="file-0"),
        lambda: uploads.create_upload(filename="a", purpose="batch", bytes=3, mime_type="a/b"),
        lambda: uploads.add_upload_part(upload_id="upload_1", data=iter([b"abc", b"d"])),
        lambda: uploads.cancel_upload(upload_id="upload_2"),
        lambda: uploads.upload_file(file=path, purpose="batch", part_size=1000),
        lambda: uploads.upload_file(file=b"abc", filename="a", purpose="batch"),
        lambda: files.save_file(file_id="file-1", to=folder / "fetched.bin", range_size=30_000),
        lambda: files.download_file(file_id="file-1", start=5).read(),
        lambda: files.download_file(file_id="file-1").blocks(size=1000),
    ]


def blocking(url: str, folder: Path, dice: random.Random, count: int) -> tuple[int, int]:
    """So many calls; how many went wrong, and what is open at their end. Content is begun and left."""
    failed = 0
    hooks = [Spoiling(dice)]
    with Heavylift(
        server_url=url, api_key="k", retry_config=RETRIES, hooks=hooks, state_folder=folder
    ) as client:
        kinds = calls(client, folder)
        for _ in range(count):
            try:
                given = dice.choice(kinds)()
                if inspect.isgenerator(given):
                    next(given)
            except (errors.HeavyliftError, OSError):
                failed += 1
        return failed, held()[0]


async def awaited(url: str, folder: Path, dice: random.Random, count: int) -> tuple[int, int]:
    """The same, some of them cancelled after a moment."""
    failed = 0
    hooks = [Spoiling(dice)]
    async with AsyncHeavylift(
        server_url=url, api_key="k", retry_config=RETRIES, hooks=hooks, state_folder=folder
    ) as client:
        kinds = calls(client, folder)
        for _ in range(count):
            try:
                given = dice.choice(kinds)()
                if inspect.isasyncgen(given):
                    await anext(given)
                    await given.aclose()
                elif dice.random() < 0.2:
                    await asyncio.wait_for(given, dice.random() / 100)
                else:
                    await given
            except (errors.HeavyliftError, OSError, TimeoutError):
                failed += 1
        return failed, held()[0]


def held() -> tuple[int, int]:
    """Descriptors that are open, and threads that are not of the pool for disks."""
    gc.collect()
    threads = [one for one in threading.enumerate() if not one.name.startswith("heavylift-disk")]
    return len(os.listdir("/proc/self/fd")), len(threads)


@dataclass(frozen=True)
class Left:
    """What there is too much of, in numbers. `pooled`: descriptors while the clients are still open."""

    descriptors: int
    threads: int
    pooled: int
    failed: int


def leaked(count: int, seed: int) -> Left:
    """After so many calls with each driver."""
    with tempfile.TemporaryDirectory() as folder, stand_in_server() as server:
        misbehave(server, random.Random(seed))
        dice = random.Random(seed + 1)
        for share in (20, count):  # the first ones make what is made once
            before = held()
            ended = [blocking(server.url, Path(folder), dice, share)]
            ended.append(asyncio.run(awaited(server.url, Path(folder), dice, share)))
            settle(before)
        after = held()
    pooled = max(number for _, number in ended) - before[0]
    failed = sum(number for number, _ in ended)
    return Left(after[0] - before[0], after[1] - before[1], pooled, failed)


def settle(before: tuple[int, int]) -> None:
    """Until the server's threads have seen that the connections are closed, or never will."""
    for _ in range(1200):
        if held() <= before:
            return
        threading.Event().wait(0.05)


def main() -> None:
    """Run it and say what is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    left = leaked(given.calls, given.seed)
    print(left)
    raise SystemExit(left.descriptors > 0 or left.threads > 0 or left.pooled > POOLED)


if __name__ == "__main__":
    main()
