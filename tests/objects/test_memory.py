"""Memory of a real server whose bytes go to an object store: bounded, however large they are."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.memory.senders import PART, connected
from tests.e2e.wire import description
from tests.objects.engines import BUCKET, ObjectStore
from tests.serving import Served, serving

pytestmark = pytest.mark.xdist_group("heavy")

PARALLEL = 32
MOST_RSS = 320 * 10**6


def peak(served: Served) -> int:
    """The most memory that the server has ever had resident, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{served.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.timeout(900)
def test_thirty_two_parts_of_64_mib_at_once_fit_into_320_mb(seaweed: ObjectStore, tmp_path: Path) -> None:
    env = {**seaweed.environment(), "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/{uuid4().hex}",
           "HEAVYLIFT_KEEP_ALIVE": "900", "HEAVYLIFT_IDLE_TIMEOUT": "600"}  # fmt: skip
    together = threading.Barrier(PARALLEL)
    with serving(tmp_path, env=env) as served:

        def send(_: int) -> str:
            with connected(served) as connection:
                return connection.part(upload, "form", at_half=lambda: together.wait(300))

        with connected(served) as connection:
            upload = connection.ask("POST", "/uploads", description(PARALLEL * PART))["id"]
            with ThreadPoolExecutor(PARALLEL) as pool:
                ids = list(pool.map(send, range(PARALLEL)))
            assert len(set(ids)) == PARALLEL
            assert connection.ask("GET", f"/uploads/{upload}")["bytes_received"] == PARALLEL * PART
            connection.ask("POST", f"/uploads/{upload}/cancel")
        print(f"peak of {PARALLEL} parallel parts: {peak(served) / 1e6:.0f} MB")
        assert peak(served) < MOST_RSS
