"""Clients that upload without a break, and remember everything that they were promised."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2

from tests.e2e.crash.calls import checksum, parts_of
from tests.e2e.wire import Json, content_of, description, good, send_complete, send_file, send_part, speaking
from tests.serving import Served

CLIENTS = 3

TROUBLE = {408, 503, 507}
"""What a service in trouble may answer. Anything else that is not a 200 is a defect."""


@dataclass
class Ledger:
    """What the service has acknowledged, and how often it did not."""

    files: dict[str, bytes] = field(default_factory=dict)
    parts: dict[tuple[str, str], bytes] = field(default_factory=dict)
    promises: int = 0
    failures: int = 0

    def so_far(self) -> "Ledger":
        """What has been acknowledged by now."""
        return Ledger(dict(self.files), dict(self.parts), self.promises, self.failures)


class Failed(Exception):
    """No answer, or an error: the service is in trouble."""


@contextmanager
def clients_of(served: Served) -> Iterator[Ledger]:
    """Clients at work until the block ends; whatever fails them, they begin anew."""
    ledger, enough = Ledger(), threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        working = [pool.submit(work, served, ledger, enough) for _ in range(CLIENTS)]
        try:
            yield ledger
        finally:
            enough.set()
    for one in working:
        one.result()


def work(served: Served, ledger: Ledger, enough: threading.Event) -> None:
    """Upload after Upload, each promise noted as it is made."""
    while not enough.is_set():
        with speaking(served.url, served.key) as api:
            try:
                while not enough.is_set():
                    upload(api, ledger)
            except (Failed, httpx2.TransportError):
                ledger.failures += 1


def upload(api: httpx2.Client, ledger: Ledger) -> None:
    """An Upload of two Parts, and a posted file."""
    bodies = [os.urandom(5_000), os.urandom(70_000)]
    whole = b"".join(bodies)
    ids = []
    ours = promised(api.post("/uploads", json=description(len(whole))))["id"]
    for body in bodies:
        ids.append(promised(send_part(api, ours, body))["id"])
        ledger.parts[ours, ids[-1]] = body
        ledger.promises += 1
    ledger.files[promised(send_complete(api, ours, ids))["file"]["id"]] = whole
    ledger.files[promised(send_file(api, bodies[0]))["id"]] = bodies[0]
    ledger.promises += 2


def promised(answer: httpx2.Response) -> Json:
    """The JSON of a 200."""
    if answer.status_code in TROUBLE:
        raise Failed(answer.text)
    return good(answer)


def check_promises(served: Served, ledger: Ledger) -> None:
    """Everything acknowledged is there, byte for byte."""
    with speaking(served.url, served.key) as api:
        for file, body in ledger.files.items():
            assert content_of(api, file) == body
        for (ours, part), body in ledger.parts.items():
            assert parts_of(api, ours)[part]["checksum"] == checksum(body)
