"""Several workers: one that dies, stands still or is replaced costs nobody a request."""

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import psutil

from tests.contract.engines_postgres import Server
from tests.e2e.sockets import answer, connected, head, part_under_way
from tests.e2e.wire import content_of, create, eventually, good, send_complete, send_part, speaking
from tests.frozen import frozen
from tests.ports import free_port
from tests.serving import Served, serving, start

TWO = ("--workers", "2")


def pids(served: Served) -> set[int]:
    return {worker.pid for worker in served.workers()}


def all_serve(served: Served, count: int = 2) -> None:
    eventually(lambda: len(served.told("worker.serves")) >= count, seconds=60)


def ready(served: Served) -> httpx2.Response:
    return httpx2.get(f"{served.root}/readyz", timeout=60)


def test_workers_that_die_while_the_database_is_down_come_back_and_wait_for_it(
    postgres: Server, tmp_path: Path
) -> None:
    env = {"HEAVYLIFT_CATALOG": postgres.fresh()}
    with serving(tmp_path, options=TWO, env=env) as served:
        all_serve(served)
        steady, dying = served.workers()
        postgres.crash()
        try:
            dying.kill()
            eventually(lambda: len(served.told("worker.serves")) == 3, seconds=60)
            assert steady.pid in pids(served)
            assert len(pids(served)) == 2
            for _ in range(6):  # they take turns
                assert "catalog" in ready(served).json()["error"]["message"]
            with speaking(served.url, served.key) as api:
                answers = [api.get("/files") for _ in range(2)]
            assert {one.status_code for one in answers} == {503}
            assert {one.json()["error"]["code"] for one in answers} == {"storage_unavailable"}
        finally:
            postgres.start()
        eventually(lambda: all(ready(served).status_code == 200 for _ in range(8)), seconds=60)
        [death] = served.told("worker.died")
        assert (death["pid"], death["status"]) == (dying.pid, -signal.SIGKILL)
        assert served.stop() == 0


def test_a_service_starts_while_its_database_is_away_and_is_ready_when_it_comes(
    postgres: Server, tmp_path: Path
) -> None:
    env = {"HEAVYLIFT_CATALOG": postgres.fresh()}
    postgres.crash()
    try:
        served = start(tmp_path, env=env)
        try:
            assert ready(served).status_code == 503
            assert httpx2.get(f"{served.root}/healthz", timeout=60).status_code == 200
            postgres.start()
            eventually(lambda: ready(served).status_code == 200, seconds=60)
            with speaking(served.url, served.key) as api:
                good(api.get("/files"))
        finally:
            served.close()
    finally:
        if not (postgres.folder / "data" / "postmaster.pid").exists():
            postgres.start()


def test_a_database_that_hangs_is_named_by_readyz_before_those_who_ask_give_up(
    postgres: Server, tmp_path: Path
) -> None:
    with serving(tmp_path, env={"HEAVYLIFT_CATALOG": postgres.fresh()}) as served:
        assert ready(served).status_code == 200
        family = psutil.Process(postgres.pid)
        with frozen(postgres.pid, *(child.pid for child in family.children(recursive=True))):
            said: list[str] = []

            def hangs() -> bool:
                found = ready(served)
                said.append(found.text)
                return found.status_code == 503

            eventually(hangs)
            assert "The catalog has not answered for 2.5 seconds." in said[-1]
        eventually(lambda: ready(served).status_code == 200)


def test_workers_of_a_killed_supervisor_finish_what_they_began_and_leave_the_port(tmp_path: Path) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(serving(tmp_path, options=(*TWO, "--port", str(free_port()))))
        all_serve(served)
        api = stack.enter_context(speaking(served.url, served.key))
        upload = create(api, 6)["id"]
        part = stack.enter_context(part_under_way(served.port, served.key, upload, b"abc", b"def"))
        workers = served.workers()
        served.process.kill()
        eventually(lambda: len(served.told("worker.orphaned")) == 2)
        successor = start(tmp_path, options=TWO, port=served.port)
        stack.callback(successor.close)
        part.sendall(b"def")
        done = good(answer(part))["id"]
        eventually(lambda: not any(worker.is_running() for worker in workers))
        with speaking(successor.url, successor.key) as again:
            file = good(send_complete(again, upload, [done]))["file"]["id"]
            assert content_of(again, file) == b"abcdef"


@contextmanager
def busy_clients(served: Served, count: int) -> Iterator[list[int]]:
    """Clients that add Parts and look, on kept and on new connections in turn. The statuses that they get;
    a connection that fails fails the test."""
    statuses: list[int] = []
    enough = threading.Event()
    with speaking(served.url, served.key) as api:
        upload = create(api, 1_000_000)["id"]

    def work() -> None:
        while not enough.is_set():
            with speaking(served.url, served.key) as api:
                for _ in range(5):
                    statuses.append(send_part(api, upload, b"x" * 2_000).status_code)
                    statuses.append(api.get(f"{served.root}/readyz").status_code)

    with ThreadPoolExecutor(count) as pool:
        working = [pool.submit(work) for _ in range(count)]
        try:
            yield statuses
        finally:
            enough.set()
        for one in working:
            one.result()


def test_sighup_replaces_all_workers_and_refuses_nobody(tmp_path: Path) -> None:
    with serving(tmp_path, options=TWO) as served:
        all_serve(served)
        before = pids(served)
        with busy_clients(served, 4) as statuses:
            for round_ in (1, 2):
                served.process.send_signal(signal.SIGHUP)
                eventually(
                    lambda wanted=2 + 2 * round_: len(served.told("worker.serves")) == wanted, seconds=60
                )
                eventually(
                    lambda wanted=2 * round_: len(served.told("server.retiring")) == wanted, seconds=60
                )
            more = len(statuses) + 20
            eventually(lambda: len(statuses) > more)
        assert set(statuses) == {200}
        eventually(lambda: len(pids(served)) == 2)
        assert not before & pids(served)
        assert not served.told("worker.died")


def test_settings_that_became_wrong_replace_nobody(tmp_path: Path) -> None:
    config = tmp_path / "heavylift.toml"
    config.write_text("workers = 2\n")
    with serving(tmp_path / "data", options=("--config", str(config))) as served:
        all_serve(served)
        before = pids(served)
        config.write_text("workers = 'none'\n")
        served.process.send_signal(signal.SIGHUP)
        eventually(lambda: any("workers" in line and "integer" in line for line in served.lines))
        assert pids(served) == before
        assert ready(served).status_code == 200


def test_a_worker_that_stands_still_keeps_nobody_waiting_and_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path, options=TWO, env={"HEAVYLIFT_WORKER_TIMEOUT": "5"}) as served:
        all_serve(served)
        still, _ = served.workers()
        with frozen(still.pid):
            for _ in range(20):
                assert httpx2.get(f"{served.root}/healthz", timeout=60).status_code == 200
            eventually(lambda: bool(served.told("worker.killed")), seconds=60)
        assert served.told("worker.killed")[0]["pid"] == still.pid
        eventually(lambda: len(served.told("worker.serves")) == 3, seconds=60)
        assert len(served.told("worker.died")) == 1


def test_connections_are_spread_evenly(tmp_path: Path) -> None:
    with serving(tmp_path, options=("--workers", "4")) as served, ExitStack() as stack:
        all_serve(served, 4)
        connections = [stack.enter_context(connected(served.port)) for _ in range(64)]
        for connection in connections:
            connection.sendall(head("GET", "/healthz"))
        for connection in connections:
            assert answer(connection).status_code == 200
        held = Counter[int]()
        for worker in served.workers():
            held[worker.pid] = sum(
                found.status == psutil.CONN_ESTABLISHED and found.laddr.port == served.port
                for found in worker.net_connections("tcp")
            )
        assert sum(held.values()) == 64
        assert max(held.values()) - min(held.values()) <= 4, held


def test_without_a_worker_that_comes_to_serve_it_gives_up_and_says_so(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from heavylift.api.run import Listening, prepare\n"
        "listening = Listening(host='127.0.0.1', port=0, workers=2, tls_cert=None, tls_key=None,"
        " keep_alive=75, head_timeout=20, stop_grace=30, worker_timeout=60)\n"
        "prepared = prepare('builtins:object', listening)\n"
        "sys.exit(prepared.serve(reload=lambda: None, announce=print, withdraw=lambda: None))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 1
    assert done.stdout.count("server.gave_up") == 1
    assert "http" not in done.stdout
