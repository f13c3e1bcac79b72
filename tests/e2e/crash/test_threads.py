"""A machine that gives no more threads, as systemd's TasksMax does: nobody hangs, then or later."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2

from tests.e2e.crash.faults import failing
from tests.e2e.wire import add_file, content_of, create, good, refused, send_complete, send_part, speaking
from tests.serving import serving

AT_ONCE = 8


def test_without_another_thread_small_parts_are_kept_and_nobody_hangs(tmp_path: Path) -> None:
    """The first small Parts of a process come while no thread can be started."""
    with serving(tmp_path / "data") as served, speaking(served.url, served.key) as api:
        upload = create(api, AT_ONCE)["id"]
        with failing(served.pid, "clone,clone3", "EAGAIN", log=tmp_path / "log", met=False):
            with ThreadPoolExecutor(AT_ONCE) as clients:
                sent = list(clients.map(lambda _: send_part(api, upload, b"x"), range(AT_ONCE)))
            ids = [good(one)["id"] for one in sent]
            assert api.get("/../readyz").status_code == 200
            judge(send_part(api, create(api, 2**20)["id"], bytes(2**20)))
        file = good(send_complete(api, upload, ids))["file"]["id"]
        assert content_of(api, file) == b"x" * AT_ONCE
        assert content_of(api, add_file(api, bytes(2**20))["id"]) == bytes(2**20)
        served.stop()


def judge(answer: httpx2.Response) -> None:
    """It was done without another thread, or refused for want of one."""
    if answer.status_code != 200:
        refused(answer, 503, code="overloaded", param=None, says="thread")
