"""Replicas whose clocks are wrong go on by the database's, say so, and reclaim nothing."""

import shutil
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.contract.engines_postgres import Server
from tests.e2e.wire import add_file, begun, content_of, create, good, not_tested, send_complete, speaking
from tests.replicas.fleet import until
from tests.serving import KEY, Served, serving

DAY, MOMENT = 86_400, 90
"""Seconds by which clocks are ahead: enough to expire everything here, and more than the graces."""

ROUNDS = 3

BODY = b"of a day that has not come"

LIVED = {"expires_after__anchor": "created_at", "expires_after__seconds": "3600"}


def ahead(seconds: int) -> Mapping[str, str]:
    """The environment of a process whose clock is so far ahead. What only measures time is right."""
    if shutil.which("faketime") is None:
        not_tested("CLOCKS THAT ARE WRONG WERE NOT TESTED: faketime is not here; apt-get install faketime")
    words = ["faketime", "-m", "--exclude-monotonic", "-f", f"+{seconds}s", "env"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    lines = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    return {name: lines[name] for name in ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC")}


def rounds_missed(served: Served) -> int:
    """How often its sweeper found the clock wrong."""
    return len(served.told("clock.astray"))


@pytest.mark.timeout(300)
def test_replicas_with_wrong_clocks_reclaim_nothing_and_say_so(postgres: Server, tmp_path: Path) -> None:
    url = postgres.fresh()
    env = {
        "HEAVYLIFT_CATALOG": url, "HEAVYLIFT_BLOBS": f"file://{tmp_path}/blobs",
        "HEAVYLIFT_SWEEP_INTERVAL": "0.3",
    }  # fmt: skip
    database = url.rpartition("/")[2]
    with ExitStack() as stack:
        astray = [
            stack.enter_context(serving(tmp_path / str(seconds), env={**env, **ahead(seconds)}))
            for seconds in (DAY, MOMENT)
        ]
        api, other = (stack.enter_context(speaking(served.url, KEY)) for served in astray)
        upload, parts = begun(api, BODY)
        file = add_file(api, BODY, **LIVED)
        dropped, _ = begun(api, BODY)
        good(api.post(f"/uploads/{dropped}/cancel"))
        before = [rounds_missed(served) for served in astray]
        until(
            lambda: all(rounds_missed(one) >= was + ROUNDS for one, was in zip(astray, before, strict=True))
        )
        assert postgres.ask("SELECT * FROM leases", database=database) == []
        assert len([path for path in (tmp_path / "blobs").glob("??/*") if path.is_file()]) == 3

        for served in astray:
            ready = httpx2.get(f"{served.root}/readyz", timeout=60)
            assert (ready.status_code, "clock" in ready.text) == (503, True), ready.text
            assert "ahead of the database's" in served.told("clock.astray")[-1]["reason"]

        [(now,)] = postgres.ask("SELECT extract(epoch FROM now())::bigint", database=database)
        assert abs(create(other, 1)["created_at"] - now) < ROUNDS * 60
        made = good(send_complete(other, upload, parts))["file"]["id"]
        assert content_of(api, made) == content_of(other, file["id"]) == BODY

        right = stack.enter_context(serving(tmp_path / "right", env=env))
        until(lambda: len(postgres.ask("SELECT * FROM leases", database=database)) == 1)
        assert httpx2.get(f"{right.root}/readyz", timeout=60).status_code == 200
        assert not right.told("clock.astray")
