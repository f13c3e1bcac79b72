"""What hostile clients are judged by: the memory of the server, and an honest client, served meanwhile."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2

from tests.e2e.conftest import key_to_new_project
from tests.e2e.wire import add_part, begun, create, speaking
from tests.serving import Served, serving

MIB = 2**20
MOST_GROWTH = 50 * MIB
"""Bytes by which a server may become larger in an attack, at any moment of it."""

RESET_PEAK = "5"
"""What Linux takes to begin anew with the most that was resident."""


@contextmanager
def besieged(folder: Path, **settings: str | int) -> Iterator[tuple[Served, str]]:
    """A server with these settings, and a hostile key. It does not become much larger meanwhile."""
    env = {f"HEAVYLIFT_{name.upper()}": str(value) for name, value in settings.items()}
    with serving(folder, env=env) as served:
        hostile = key_to_new_project(f"sqlite:///{folder}/catalog.sqlite")
        with speaking(served.url, served.key) as honest, speaking(served.url, hostile) as other:
            for client in (honest, other):
                begun(client, b"warm")
        process = Path("/proc", str(served.pid))
        (process / "clear_refs").write_text(RESET_PEAK)
        before = most_resident(process)
        yield served, hostile
        grown = most_resident(process) - before
        print(f"grown by {grown / MIB:.0f} MiB")
        assert grown < MOST_GROWTH


def most_resident(process: Path) -> int:
    """The most memory that the process had resident, in bytes, as its folder in /proc tells."""
    [kib] = re.findall(r"^VmHWM:\s+(\d+) kB$", (process / "status").read_text(), re.MULTILINE)
    return int(kib) * 1024


def is_served(served: Served) -> None:
    """The honest tenant makes an Upload, sends a Part and lists what there is."""
    with speaking(served.url, served.key) as honest:
        upload = create(honest, 5)["id"]
        add_part(honest, upload, b"hello")
        assert honest.get("/uploads", params={"limit": 1}).json()["data"][0]["id"] == upload


@contextmanager
def speaking_as(served: Served, key: str) -> Iterator[httpx2.Client]:
    """A client with that key."""
    with ExitStack() as stack:
        yield stack.enter_context(speaking(served.url, key))
