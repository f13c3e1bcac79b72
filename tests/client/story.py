"""What the tests of the stories share: a content in eleven parts, a tamperer, looks at what is there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from tests.client.rig import Rig
from tests.client.scripted import Scripted

PART = 1000
CONTENT = bytes(range(256)) * 40  # 10,240 bytes: ten parts and a rest, all different
PARTS = 11

Upload = Callable[..., Any]


def stored(server: Scripted) -> bytes:
    """The content of the only File."""
    [(_, content)] = server.files.values()
    return content


def journals(rig: Rig) -> list[Path]:
    return list((rig.folder / "transfers").glob("*"))


def nth(number: int, pattern: str, answer: Callable[[], httpx2.Response]) -> Callable[..., Any]:
    """A tamperer that answers the nth request of that kind, counted from 1."""
    count = 0

    def tamper(line: str, request: httpx2.Request) -> httpx2.Response | None:
        nonlocal count
        count += pattern in line
        return answer() if pattern in line and count == number else None

    return tamper
