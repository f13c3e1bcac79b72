"""Small requests: parts of 4 KiB, and a request beside bulk uploads."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from bench.findings import Check, Comparison, Finding
from bench.load import Running, carry_out
from bench.peers.heavylift import KEY_HEADER, Heavylift
from bench.peers.nginx import Nginx
from bench.peers.others import TusNode, UploadFile
from bench.peers.sinks import Sink
from bench.rounds import compare, reaping
from bench.session import Bench, sending, start_all

SMALL = 4096
CONNECTIONS = 16
BULK = 4
PROBE_SECONDS = 0.005
RELAXED = "heavylift, relaxed"
STRICT = "heavylift, strict"

CANDIDATES = (
    Nginx,
    partial(Sink, mode="write"),
    partial(Heavylift, name=RELAXED),
    partial(Heavylift, name=STRICT, strict=True),
    partial(Heavylift, name="heavylift, relaxed, 2 workers", workers=2),
    UploadFile,
    TusNode,
)


def small(bench: Bench) -> Iterator[Finding]:
    """What a request costs when its body is nearly nothing."""
    with bench.field() as field:
        peers = start_all(field, CANDIDATES)
        cells = compare(
            [sending(peer, size=SMALL) for peer in peers],
            connections=(1, CONNECTIONS),
            requests=lambda _: 400 if bench.quick else 2000,
            rounds=bench.rounds,
            least=2**62,
            say=bench.say,
        )
        table = Comparison(
            name="small",
            title="Parts of 4 KiB",
            meaning="Requests a second with bodies of 4 KiB: the cost of a request."
            " heavylift commits a row for each.",
            reference=UploadFile.name,
            figure="requests_per_second",
            cells=cells,
            missing=field.missing,
        )
    yield table
    # 3,000 and 1,500 a second on a machine where UploadFile does 1,300
    for name, bound in ((RELAXED, 3000 / 1300), (STRICT, 1500 / 1300)):
        yield Check(
            target=f"4 KiB parts, {name}, {CONNECTIONS} connections: requests/s of FastAPI UploadFile",
            measured=table.ratio(name, CONNECTIONS, "requests_per_second"),
            bound=bound,
        )


def beside(bench: Bench) -> Iterator[Finding]:
    """How long someone waits who asks a small thing while others upload."""
    seconds = 3.0 if bench.quick else 10.0
    with bench.field() as field:
        peer = field.add(partial(Heavylift, name="heavylift"))
        assert isinstance(peer, Heavylift)
        bulk = replace(peer.send(size=bench.size), connections=BULK, seconds=seconds + 1)
        probe = replace(
            peer.send(size=0), method="GET", path=f"/v1/uploads/{peer.create()}", headers=(KEY_HEADER,),
            multipart=False, seconds=seconds, pause=PROBE_SECONDS,
        )  # fmt: skip
        pids = peer.process.family()
        with reaping(peer.finished(), least=bench.size), Running(bulk, pids) as running:
            waited = carry_out(probe, pids)
            bench.say(f"{running.outcome().mb_per_second:.0f} MB/s of uploads beside it")
    shown = f"GET of an Upload while {BULK} bulk uploads run"
    yield Check(target=f"{shown}: p50", measured=waited.p50_ms, bound=2.0, at_most=True, unit="ms")
    yield Check(target=f"{shown}: p99", measured=waited.p99_ms, bound=20.0, at_most=True, unit="ms")
