"""`complete`: whether its cost depends on the size of the file."""

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from statistics import median

from bench.findings import Check, Finding
from bench.load import carry_out
from bench.peers.heavylift import KEY, Heavylift
from bench.rounds import reaping
from bench.session import MIB, Bench

PARTS = 128
LARGE = 64 * MIB
SMALL = 64 * 1024
SENDERS = 4


def complete(bench: Bench) -> Iterator[Finding]:
    """8 GiB and 8 MiB, both in 128 parts. Every byte is sent; what is stored is deleted at once."""
    with bench.field() as field:
        peer = field.add(partial(Heavylift, name="heavylift"))
        assert isinstance(peer, Heavylift)
        medians = {}
        for size, times in ((SMALL, 12), (LARGE, 1 if bench.quick else 4)):
            medians[size] = median(_time_one(peer, size=size) for _ in range(times))
            bench.say(f"complete of {PARTS} parts of {size // 1024} KiB: {medians[size]:.1f} ms")
    yield Check(
        target="complete of 8 GiB in 128 parts: p50",
        measured=medians[LARGE],
        bound=10.0,
        at_most=True,
        unit="ms",
    )
    yield Check(
        target="complete of 8 GiB beside 8 MiB, both in 128 parts: times as long",
        measured=medians[LARGE] / medians[SMALL],
        bound=1.5,
        at_most=True,
    )


def _time_one(peer: Heavylift, *, size: int) -> float:
    """Milliseconds that one `complete` takes over a connection that is open already."""
    upload = fill(peer, parts=PARTS, size=size)
    listed = peer.call("GET", f"/uploads/{upload}/parts?limit={PARTS}")["data"]
    return time_complete(peer, upload, [part["id"] for part in listed])


def fill(peer: Heavylift, *, parts: int, size: int, more: int = 0) -> str:
    """An Upload that has received so many parts, and expects `more`.

    The parts' files are deleted as they are stored: `complete` does not read them, and the disk stays small.
    """
    upload = peer.create(size=(parts + more) * size)
    load = replace(peer.send_to(upload, size=size), connections=SENDERS, requests=parts)
    with reaping(peer.finished(), least=size):
        carry_out(load, peer.process.family())
    return upload


def time_complete(peer: Heavylift, upload: str, part_ids: list[str]) -> float:
    """Milliseconds of the request, from its first byte to the answer's last."""
    connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=60)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    try:
        connection.request("GET", f"/v1/uploads/{upload}", headers=headers)
        connection.getresponse().read()
        body = json.dumps({"part_ids": part_ids})
        began = time.perf_counter()
        connection.request("POST", f"/v1/uploads/{upload}/complete", body=body, headers=headers)
        answer = connection.getresponse()
        said = answer.read()
        took = (time.perf_counter() - began) * 1000
    finally:
        connection.close()
    assert answer.status == 200, said
    return took
