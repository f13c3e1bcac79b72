"""Replicas of one installation, and what can be asked of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.e2e.wire import BOUND, description, good
from tests.serving import Served


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The servers, a client to each, and what they share."""

    replicas: list[Served]
    apis: list[httpx2.Client]
    blobs: Path
    env: Mapping[str, str]
    url: str

    def stored(self) -> int:
        """How many blobs there are."""
        return len([path for path in self.blobs.glob("??/*") if path.is_file()])


def opened(api: httpx2.Client, size: int) -> str:
    """A new Upload's id."""
    upload: str = good(api.post("/uploads", json=description(size)))["id"]
    return upload


def sent(api: httpx2.Client, upload: str, body: bytes) -> str:
    """A new Part's id."""
    part: str = good(api.post(f"/uploads/{upload}/parts", files={"data": body}))["id"]
    return part


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must come true."""
    give_up = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)
