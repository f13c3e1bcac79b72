"""kill -9 of PostgreSQL where commits are not flushed: no bytes go before their facts are gone for good."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.contract.engines_postgres import Server, running
from tests.e2e.wire import (
    add_file,
    begun,
    content_of,
    eventually,
    good,
    send_complete,
    speaking,
    status_of,
)
from tests.serving import serving

RELAXED = {"HEAVYLIFT_DURABILITY": "relaxed", "HEAVYLIFT_SWEEP_INTERVAL": "0.2"}

WRITERS = "('walwriter', 'background writer', 'checkpointer')"
"""Those of PostgreSQL's processes that flush what nobody waits for."""

BODY = os.urandom(10_000)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """One of these tests' own, to be killed."""
    with running("18") as server:
        yield server


def hold_back(server: Server) -> None:
    """What is committed from now on stays in memory, unless who commits insists on more."""
    server.ask("CHECKPOINT")
    for (process,) in server.ask(f"SELECT pid FROM pg_stat_activity WHERE backend_type IN {WRITERS}"):
        os.kill(process, signal.SIGSTOP)


def forget(api: httpx2.Client, upload: str, file: str) -> None:
    good(api.post(f"/uploads/{upload}/cancel"))
    good(api.delete(f"/files/{file}"))


def await_rounds(server: Server, url: str) -> None:
    """Until the sweeper has prolonged its lease a few times, and so has ended rounds in between."""
    seen: set[float] = set()

    def looked() -> bool:
        seen.update(until for (until,) in server.ask("SELECT until FROM leases", database=url))
        return len(seen) > 3

    eventually(looked)


def restart(server: Server, api: httpx2.Client) -> None:
    """Kill it and start it, and wait until the service has found it again."""
    server.kill()
    server.start()
    eventually(lambda: api.get("/files").status_code == 200)


def test_facts_that_come_back_find_their_bytes(postgres: Server, tmp_path: Path) -> None:
    url = postgres.fresh()
    with (
        serving(tmp_path, env={**RELAXED, "HEAVYLIFT_CATALOG": url}) as served,
        speaking(served.url, served.key) as api,
    ):
        upload, parts = begun(api, BODY)
        file = add_file(api, BODY)["id"]
        hold_back(postgres)
        forget(api, upload, file)
        await_rounds(postgres, url.rpartition("/")[2])
        restart(postgres, api)
        assert status_of(api, upload) == "pending", "what was not flushed is forgotten"
        made = good(send_complete(api, upload, parts))["file"]["id"]
        assert content_of(api, made) == content_of(api, file) == BODY


def test_facts_stay_away_whose_bytes_have_gone(postgres: Server, tmp_path: Path) -> None:
    env = {**RELAXED, "HEAVYLIFT_CATALOG": postgres.fresh(), "HEAVYLIFT_DELETE_GRACE": "0"}
    with serving(tmp_path, env=env) as served, speaking(served.url, served.key) as api:
        upload, _ = begun(api, BODY)
        file = add_file(api, BODY)["id"]
        hold_back(postgres)
        forget(api, upload, file)
        eventually(lambda: not served.blobs())
        restart(postgres, api)
        assert status_of(api, upload) == "cancelled"
        assert api.get(f"/files/{file}").status_code == 404
