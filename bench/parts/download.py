"""Files going out: whole, and in ranges."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from bench.findings import Check, Comparison, Finding
from bench.load import Load
from bench.peers.heavylift import Heavylift
from bench.peers.nginx import Nginx
from bench.rounds import Candidate
from bench.session import MIB, Bench, at_once

PARTS = 16
NGINX = "nginx sendfile"
OURS = "heavylift"


def download(bench: Bench) -> Iterator[Finding]:
    """A file of 16 parts beside one file of nginx's."""
    size = max(bench.size // PARTS, MIB) * PARTS
    with bench.field() as field:
        nginx, ours = field.add(Nginx), field.add(partial(Heavylift, name=OURS))
        plain = field.add(partial(Heavylift, name="heavylift without the lane", lane=False))
        assert isinstance(ours, Heavylift)
        assert isinstance(plain, Heavylift)
        loads: list[tuple[str, Heavylift | Nginx, Load]] = [
            (one.name, one, one.fetch(one.make_file(parts=PARTS, size=size // PARTS)))
            for one in (ours, plain)
        ]
        if isinstance(nginx, Nginx):
            loads.insert(0, (NGINX, nginx, nginx.fetch(nginx.make_file(size=size))))
        for span, name, title, bodies in (
            (None, "download", "Whole files out", 64),
            ((size // 8, size), "ranges", "Ranges out", 512),
        ):
            candidates = [
                Candidate(name=who, peer=peer, make=partial(replace, load, span=span))
                for who, peer, load in loads
            ]
            shown = "the whole file" if span is None else "an eighth of it at a random place"
            table = Comparison(
                name=name,
                title=title,
                meaning=f"A file of {size // MIB} MiB out of the page cache; each request fetches {shown}."
                f" heavylift's lies in {PARTS} parts, nginx's in one piece.",
                reference=NGINX,
                figure="mb_per_second",
                cells=bench.bulk(candidates, bodies=bodies, reap=False),
                missing=field.missing,
            )
            yield table
            for many in bench.connections:
                yield Check(
                    target=f"{title}, {at_once(many)}: MB/s of nginx sendfile",
                    measured=table.ratio(OURS, many, "mb_per_second"),
                    bound=1.0,
                )
