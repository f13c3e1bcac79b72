"""Bulk parts coming in, to the page cache and to the disk."""

from collections.abc import Iterator
from functools import partial

from bench.findings import Check, Comparison, Finding
from bench.peers.heavylift import Heavylift
from bench.peers.llama import LlamaStack
from bench.peers.nginx import Nginx
from bench.peers.others import Seaweed, TusNode, TusPython, UploadFile
from bench.peers.sinks import Sink
from bench.session import Bench, at_once, sending, start_all

MULTIPART = "heavylift, multipart"
RAW = "heavylift, raw"

RELAXED = (
    partial(Sink, mode="discard"),
    partial(Sink, mode="write"),
    Nginx,
    partial(Heavylift, name=MULTIPART),
    partial(Heavylift, name=RAW, raw=True),
    partial(Heavylift, name="heavylift without the lane", lane=False),
    UploadFile,
    TusNode,
    TusPython,
    Seaweed,
    LlamaStack,
)

STRICT = (
    partial(Sink, mode="sync"),
    partial(Heavylift, name=MULTIPART, strict=True),
    partial(Heavylift, name=RAW, raw=True, strict=True),
)


def ingest(bench: Bench) -> Iterator[Finding]:
    """Nothing is synced: the byte path alone."""
    with bench.field() as field:
        peers = start_all(field, RELAXED)
        cells = bench.bulk([sending(peer, size=bench.size) for peer in peers])
        table = Comparison(
            name="ingest",
            title="Parts in, to the page cache",
            meaning="Parts as fast as they come, each stored as a file, none synced."
            " heavylift also checksums each (CRC-64) and commits a row for it.",
            reference=Nginx.name,
            figure="mb_per_second",
            cells=cells,
            missing=field.missing,
        )
    yield table
    for many in bench.connections:
        for name, bound in ((MULTIPART, 0.85), (RAW, 0.95)):
            yield Check(
                target=f"{name}, {at_once(many)}: MB/s of nginx PUT",
                measured=table.ratio(name, many, "mb_per_second"),
                bound=bound,
            )
        yield Check(
            target=f"{MULTIPART}, {at_once(many)}: CPU s/GB of nginx PUT",
            measured=table.ratio(MULTIPART, many, "cpu_per_gb"),
            bound=1.5,
            at_most=True,
        )


def strict(bench: Bench) -> Iterator[Finding]:
    """Each part is on the disk before it is answered."""
    with bench.field() as field:
        peers = start_all(field, STRICT)
        cells = bench.bulk([sending(peer, size=bench.size) for peer in peers])
        table = Comparison(
            name="strict",
            title="Parts in, each safe on the disk",
            meaning="As above, but a part is answered only after fdatasync of its file; heavylift's answer"
            " also waits for its folder and for its row in the catalog. The floor is a C program that"
            " receives, writes and syncs.",
            reference=peers[0].name,
            figure="mb_per_second",
            cells=cells,
            missing=field.missing,
        )
    yield table
    for many in bench.connections:
        yield Check(
            target=f"{MULTIPART}, strict, {at_once(many)}: MB/s of the C program",
            measured=table.ratio(MULTIPART, many, "mb_per_second"),
            bound=0.85,
        )
