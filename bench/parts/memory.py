"""Memory: many parts at once, and a file larger than any buffer."""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from bench.findings import Check, Finding
from bench.load import MB, carry_out
from bench.peers.heavylift import Heavylift
from bench.process import forget_peak, peak_bytes
from bench.session import MIB, Bench

PARALLEL = 64
PART = 64 * MIB
SENDERS = 4
GROWTH = 16 * MB
"""Bytes that a peak may differ by without a cause: the allocator's arenas, buffers kept for the next part."""


def memory(bench: Bench) -> Iterator[Finding]:
    """Peaks are VmHWM of a fresh server, in units of 10^6 bytes."""
    with bench.field() as field:
        peer = field.add(partial(Heavylift, name="heavylift"))
        assert isinstance(peer, Heavylift)
        outcome = peer_run(peer, parts=PARALLEL, connections=PARALLEL)
        yield Check(
            target=f"{PARALLEL} parallel parts of 64 MiB: peak RSS",
            measured=outcome / MB,
            bound=200.0,
            at_most=True,
            unit="MB",
        )
    yield from _large_file(bench)


def peer_run(peer: Heavylift, *, parts: int, connections: int) -> int:
    """Send so many parts to a new Upload and keep them; the server's peak meanwhile."""
    load = replace(peer.send(size=PART), connections=connections, requests=parts)
    return carry_out(load, peer.process.family()).peak


def _large_file(bench: Bench) -> Iterator[Finding]:
    """The peak of an eighth of the file beside that of the whole, on one server, up and then down."""
    parts = 16 if bench.quick else 128
    with bench.field() as field:
        peer = field.add(partial(Heavylift, name="heavylift"))
        assert isinstance(peer, Heavylift)
        pids = peer.process.family()
        little = peer_run(peer, parts=parts // 8, connections=SENDERS)
        upload = peer.create(size=parts * PART)
        load = replace(peer.send_to(upload, size=PART), connections=SENDERS, requests=parts)
        began = time.monotonic()
        sent = carry_out(load, pids).peak
        bench.say(f"{parts * PART / 1024**3:.0f} GiB up in {time.monotonic() - began:.0f} s")
        listed = peer.call("GET", f"/uploads/{upload}/parts?limit={parts}")["data"]
        body = {"part_ids": [part["id"] for part in listed]}
        file_id = str(peer.call("POST", f"/uploads/{upload}/complete", body)["file"]["id"])
        forget_peak(pids)
        before = peak_bytes(pids)
        got = carry_out(replace(peer.fetch(file_id), requests=1), pids)
        bench.say(f"and down in {got.seconds:.0f} s")
    size = f"{parts * PART / 1024**3:g} GiB"
    for target, grown in (
        (f"{size} up: peak RSS beyond that of an eighth of it", sent - little),
        (f"{size} down: peak RSS beyond that at rest", got.peak - before),
    ):
        yield Check(target=target, measured=grown / MB, bound=GROWTH / MB, at_most=True, unit="MB")
