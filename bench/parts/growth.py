"""How cost grows: with parts, with connections, with workers."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from statistics import median

from bench.findings import Curve, Finding
from bench.load import carry_out
from bench.parts.complete import fill, time_complete
from bench.peers.heavylift import Heavylift
from bench.peers.nginx import Nginx
from bench.rounds import compare
from bench.session import MIB, Bench, sending, start_all

PART = 4096
LAST = 5
"""Parts of an Upload whose time is taken."""


def parts(bench: Bench) -> Iterator[Finding]:
    """`complete` and the last parts of an Upload, by how many it holds."""
    series: dict[str, list[tuple[float, float]]] = {"complete, ms": [], "one more part, ms (p50)": []}
    with bench.field() as field:
        peer = field.add(partial(Heavylift, name="heavylift"))
        assert isinstance(peer, Heavylift)
        for many in (10, 100, 1000) if bench.quick else (10, 100, 1000, 10000):
            took, added = [], []
            for _ in range(1 if many > 1000 else 3):
                upload = fill(peer, parts=many - LAST, size=PART, more=LAST)
                load = replace(peer.send_to(upload, size=PART), requests=LAST)
                added.append(carry_out(load, peer.process.family()).p50_ms)
                took.append(time_complete(peer, upload, _part_ids(peer, upload)))
            series["complete, ms"].append((many, median(took)))
            series["one more part, ms (p50)"].append((many, median(added)))
            bench.say(f"{many} parts")
    yield Curve(
        name="growth-parts",
        title="By parts of an Upload",
        meaning="Milliseconds of `complete`, and of one more part of 4 KiB, for an Upload of so many parts.",
        x_label="parts",
        y_label="ms",
        series=series,
    )


def _part_ids(peer: Heavylift, upload: str) -> list[str]:
    found: list[str] = []
    after = ""
    more = True
    while more:
        page = peer.call("GET", f"/uploads/{upload}/parts?limit=1000{after}")
        found += [part["id"] for part in page["data"]]
        more, after = page["has_more"], f"&after={page['last_id']}"
    return found


def connections(bench: Bench) -> Iterator[Finding]:
    """Bulk parts by the number of connections."""
    with bench.field() as field:
        peers = start_all(
            field,
            (
                Nginx,
                partial(Heavylift, name="heavylift, 1 worker"),
                partial(Heavylift, name="heavylift, 2 workers", workers=2),
            ),
        )
        size = min(bench.size, 16 * MIB)
        cells = compare(
            [sending(peer, size=size) for peer in peers],
            connections=(1, 4, 16, 64),
            requests=lambda many: max(16, 2 * many),
            rounds=bench.rounds,
            least=size,
            say=bench.say,
        )
    yield Curve(
        name="growth-connections",
        title="By connections and workers",
        meaning=f"MB/s of parts of {size // MIB} MiB, relaxed, by connections at once.",
        x_label="connections",
        y_label="MB/s",
        series={
            peer.name: [
                (cell.connections, cell.mb_per_second) for cell in cells if cell.candidate == peer.name
            ]
            for peer in peers
        },
    )
