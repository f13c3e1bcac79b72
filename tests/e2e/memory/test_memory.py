"""Memory of a real server under large and many bodies: small, and no larger at the end than at the start."""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import psutil
import pytest

from tests.e2e.memory.senders import BODY, MIB, PART, Connection, How, connected
from tests.e2e.wire import description
from tests.serving import Served, serving

pytestmark = pytest.mark.xdist_group("heavy")
"""One at a time: each fills the disk and the cores."""

PARALLEL = 64
MOST_RSS = 200 * 10**6
PARTS = 16
MOST_GROWTH = 10 * 10**6

PATIENT = {"HEAVYLIFT_IDLE_TIMEOUT": "600", "HEAVYLIFT_KEEP_ALIVE": "600"}
"""Parts stand still at half until all others are there, and a connection waits until they are sent."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path, env={**PATIENT, "HEAVYLIFT_DELETE_GRACE": "0"}) as served:
        yield served


def peak(served: Served) -> int:
    """The most memory that the server has ever had resident, in bytes."""
    status = Path(f"/proc/{served.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def resident(served: Served) -> int:
    """The memory that the server has resident now, in bytes."""
    return int(psutil.Process(served.pid).memory_info().rss)


@pytest.mark.parametrize("how", get_args(How))
def test_sixty_four_parts_of_64_mib_at_once_fit_into_200_mb(served: Served, how: How) -> None:
    together = threading.Barrier(PARALLEL)
    with connected(served) as connection:
        upload = connection.ask("POST", "/uploads", description(PARALLEL * PART))["id"]
        with ThreadPoolExecutor(PARALLEL) as pool:
            ids = list(pool.map(lambda _: send_with_others(served, upload, how, together), range(PARALLEL)))
        assert len(set(ids)) == PARALLEL
        held = connection.ask("GET", f"/uploads/{upload}")["bytes_received"]
        connection.ask("POST", f"/uploads/{upload}/cancel")
    print(f"peak of {PARALLEL} parallel parts, {how}: {peak(served) / 1e6:.0f} MB")
    assert held == PARALLEL * PART
    assert peak(served) < MOST_RSS


def send_with_others(served: Served, upload: str, how: How, together: threading.Barrier) -> str:
    """Send half of a Part, wait until every other is half sent too, and send the rest."""
    with connected(served) as connection:
        return connection.part(upload, how, at_half=lambda: together.wait(120))


def test_a_gibibyte_goes_in_and_out_with_flat_memory(served: Served) -> None:
    with connected(served) as connection:
        upload = connection.ask("POST", "/uploads", description(PARTS * PART))["id"]
        ids, going_in = [], []
        for _ in range(PARTS):
            ids.append(connection.part(upload))
            going_in.append(resident(served))
        file = connection.ask("POST", f"/uploads/{upload}/complete", {"part_ids": ids})["file"]
        assert file["bytes"] == PARTS * PART
        going_out = download(served, connection, file["id"])
        connection.ask("DELETE", f"/files/{file['id']}")
    print(f"1 GiB: resident in {mb(going_in)}, out {mb(going_out)}, peak {peak(served) / 1e6:.0f} MB")
    assert growth(going_in) < MOST_GROWTH
    assert growth(going_out) < MOST_GROWTH
    assert peak(served) < MOST_RSS


def download(served: Served, connection: Connection, file: str) -> list[int]:
    """Read the file, compare it, and note the server's memory at every 64 MiB of it."""
    connection.begin("GET", f"/files/{file}/content")
    expected, at = memoryview(BODY), 0
    samples: list[int] = []
    for piece in connection.take(connection.answer(), bytearray(MIB)):
        start = at % PART
        stop = min(start + len(piece), PART)
        assert piece[: stop - start] == expected[start:stop]
        assert piece[stop - start :] == expected[: len(piece) - (stop - start)]
        at += len(piece)
        if at // PART > len(samples):
            samples.append(resident(served))
    assert at == PARTS * PART
    return samples


def growth(samples: list[int]) -> float:
    """By how many bytes the last quarter's mean is above the first's."""
    quarter = len(samples) // 4
    return (sum(samples[-quarter:]) - sum(samples[:quarter])) / quarter


def mb(samples: list[int]) -> str:
    """Samples as people read them."""
    return " ".join(f"{sample / 1e6:.0f}" for sample in samples) + " MB"
