"""Several real servers over one PostgreSQL and one folder of blobs."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.contract.engines_postgres import Server, running
from tests.e2e.wire import speaking
from tests.replicas.fleet import Fleet
from tests.serving import KEY, Served, start

PASSWORD = "hidden-from-everyone"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running("18") as server:
        yield server


@pytest.fixture
def fleet(postgres: Server, tmp_path: Path) -> Iterator[Fleet]:
    """Three replicas. In the end, none has told the database's password to anybody, or failed inside."""
    url = postgres.fresh()
    env = {
        "HEAVYLIFT_CATALOG": url.replace("postgres@", f"postgres:{PASSWORD}@"),
        "HEAVYLIFT_BLOBS": f"file://{tmp_path}/blobs",
        "HEAVYLIFT_SWEEP_INTERVAL": "0.3",
        "HEAVYLIFT_DELETE_GRACE": "0",
    }
    replicas: list[Served] = []
    with ExitStack() as stack:
        try:
            for number in range(3):
                replicas.append(start(tmp_path / str(number), env=env))
            apis: list[httpx2.Client] = [
                stack.enter_context(speaking(served.url, KEY)) for served in replicas
            ]
            yield Fleet(replicas=replicas, apis=apis, blobs=tmp_path / "blobs", env=env, url=url)
        finally:
            for served in replicas:
                served.stop()
    logged = "".join(line for served in replicas for line in served.lines)
    assert PASSWORD not in logged
    assert "Traceback" not in logged
    for served in replicas:
        for stream in (served.process.stdout, served.process.stderr):
            assert stream is not None
            stream.close()
