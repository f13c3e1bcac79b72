"""Many servers, one service: whoever is asked, the answer is the same."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

from tests.contract.engines_postgres import Server
from tests.e2e.wire import Json, description, good
from tests.replicas.conftest import PASSWORD
from tests.replicas.fleet import Fleet, opened, sent, until
from tests.serving import KEY


def test_parts_go_through_any_and_completion_through_another(fleet: Fleet) -> None:
    a, b, c = fleet.apis
    upload = opened(a, 30)
    parts = [sent(api, upload, bytes([65 + number]) * 10) for number, api in enumerate((a, b, c))]
    order = {"part_ids": parts[::-1]}
    done = good(c.post(f"/uploads/{upload}/complete", json=order))
    for api in fleet.apis:
        assert good(api.post(f"/uploads/{upload}/complete", json=order)) == done
        content = api.get(f"/files/{done['file']['id']}/content")
        assert content.content == b"C" * 10 + b"B" * 10 + b"A" * 10


def test_completions_at_once_through_all_make_one_file(fleet: Fleet) -> None:
    together = threading.Barrier(3)

    def complete(api: httpx2.Client, upload: str, part: str) -> str:
        together.wait(60)
        done = good(api.post(f"/uploads/{upload}/complete", json={"part_ids": [part]}))
        found: str = done["file"]["id"]
        return found

    with ThreadPoolExecutor(3) as pool:
        for _ in range(10):
            upload = opened(fleet.apis[0], 3)
            part = sent(fleet.apis[1], upload, b"abc")
            assert len(set(pool.map(complete, fleet.apis, [upload] * 3, [part] * 3))) == 1


def test_what_one_deletes_is_gone_for_all_and_its_bytes_follow(fleet: Fleet) -> None:
    a, b, c = fleet.apis
    file = good(a.post("/files", files={"file": ("a.txt", b"abc")}, data={"purpose": "user_data"}))["id"]
    assert b.get(f"/files/{file}/content").content == b"abc"
    assert good(c.delete(f"/files/{file}"))["deleted"]
    assert [api.get(f"/files/{file}").status_code for api in fleet.apis] == [404] * 3
    until(lambda: fleet.stored() == 0)


def test_a_key_that_is_revoked_ends_everywhere_within_seconds(fleet: Fleet) -> None:
    def keys(*arguments: str) -> str:
        command = [sys.executable, "-m", "heavylift.cli", "keys", *arguments]
        env = {**os.environ, **fleet.env, "HEAVYLIFT_DATA": str(fleet.replicas[0].data)}
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout

    until(lambda: all(api.get("/files").status_code == 200 for api in fleet.apis))
    [key] = json.loads(keys("list", "--json"))
    keys("revoke", key["id"])
    until(lambda: all(api.get("/files").status_code == 401 for api in fleet.apis))


def test_when_replicas_die_the_last_one_serves_and_sweeps(fleet: Fleet) -> None:
    upload = opened(fleet.apis[0], 6)
    kept = [sent(fleet.apis[0], upload, b"abc"), sent(fleet.apis[1], upload, b"def")]
    sent(fleet.apis[1], upload, b"unlisted")
    fleet.replicas[0].kill()
    fleet.replicas[1].kill()
    last = fleet.apis[2]
    done = good(last.post(f"/uploads/{upload}/complete", json={"part_ids": kept}))
    assert last.get(f"/files/{done['file']['id']}/content").content == b"abcdef"
    until(lambda: fleet.stored() == 2)


class Clients:
    """They go on whatever happens, and remember what was acknowledged and how they were refused."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.stop = threading.Event()
        self.files: list[str] = []
        self.refusals: list[httpx2.Response] = []

    def work(self, number: int) -> None:
        """Upload after upload, each through two of the replicas."""
        first, second = self.fleet.apis[number % 3], self.fleet.apis[(number + 1) % 3]
        while not self.stop.is_set():
            upload = self.ask(first, "/uploads", json=description(3))
            part = upload and self.ask(second, f"/uploads/{upload['id']}/parts", files={"data": b"abc"})
            if upload and part:
                order = {"part_ids": [part["id"]]}
                done = self.ask(first, f"/uploads/{upload['id']}/complete", json=order)
                self.files += [done["file"]["id"]] if done else []

    def ask(self, api: httpx2.Client, path: str, **body: Any) -> Json | None:
        """What a 200 says."""
        answer = api.post(path, **body)
        if answer.status_code == 200:
            return good(answer)
        self.refusals.append(answer)
        return None

    def reach(self, more: int) -> None:
        """Wait until so many more files are stored."""
        wanted = len(self.files) + more
        until(lambda: len(self.files) >= wanted)


def test_a_crash_of_the_database_loses_nothing_and_is_answered_with_when_to_try_again(
    fleet: Fleet, postgres: Server
) -> None:
    clients = Clients(fleet)
    with ThreadPoolExecutor(6) as pool:
        working = [pool.submit(clients.work, number) for number in range(6)]
        try:
            for _ in range(2):
                clients.reach(10)
                postgres.crash()
                postgres.start()
            clients.reach(10)
        finally:
            clients.stop.set()
        for ended in working:
            ended.result()
    for answer in clients.refusals:
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["error"]["type"] == "server_error"
    for number, file in enumerate(clients.files):
        assert fleet.apis[number % 3].get(f"/files/{file}/content").content == b"abc"


def test_without_the_database_the_service_says_so_and_comes_back(fleet: Fleet, postgres: Server) -> None:
    api = fleet.apis[0]
    assert httpx2.get(f"{fleet.replicas[0].root}/readyz", timeout=40).status_code == 200
    postgres.crash()
    try:
        answer = api.get("/files", timeout=40)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert PASSWORD not in answer.text
        assert httpx2.get(f"{fleet.replicas[0].root}/healthz", timeout=40).status_code == 200
        assert httpx2.get(f"{fleet.replicas[0].root}/readyz", timeout=40).status_code == 503
    finally:
        postgres.start()
    until(lambda: httpx2.get(f"{fleet.replicas[0].root}/readyz", timeout=40).status_code == 200)


def test_a_replica_takes_a_few_connections_and_leaves_none(fleet: Fleet, postgres: Server) -> None:
    def ask(number: int) -> int:
        return fleet.apis[number % 3].get("/files").status_code

    with ThreadPoolExecutor(24) as pool:
        assert set(pool.map(ask, range(300))) == {200}
    assert postgres.connections(fleet.url) <= 3 * 8
    for served in fleet.replicas:
        served.stop()
    until(lambda: postgres.connections(fleet.url) == 0)


def test_the_settings_are_shown_without_the_password(fleet: Fleet) -> None:
    for more in ([], ["--json"]):
        command = [sys.executable, "-m", "heavylift.cli", "settings", *more]
        env = {**os.environ, **fleet.env, "COLUMNS": "300"}
        shown = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
        assert PASSWORD not in shown
        assert "postgresql://postgres:***@127.0.0.1" in shown
        assert KEY not in shown
