"""`make bench`: heavylift beside nginx and others, on this machine, now."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench import report
from bench.findings import Check, Finding, read, write
from bench.load import Failed
from bench.machine import describe
from bench.parts import catalog, complete, download, facts, growth, ingest, memory, scale, small
from bench.session import MIB, Bench
from bench.toolbox import Missing

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs" / "performance.md"
PICTURES = ROOT / "docs" / "performance"

PARTS: dict[str, Callable[[Bench], Iterator[Finding]]] = {
    "ingest": ingest.ingest,
    "strict": ingest.strict,
    "download": download.download,
    "small": small.small,
    "beside": small.beside,
    "complete": complete.complete,
    "memory": memory.memory,
    "parts": growth.parts,
    "connections": growth.connections,
    "catalog": catalog.catalog,
    "scale": scale.scale,
    "facts": facts.facts,
}


def size(text: str) -> int:
    """A size in bytes, or as 64MiB."""
    return int(text.removesuffix("MiB")) * MIB if text.endswith("MiB") else int(text)


def options(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="how often each candidate runs (default 5)")
    parser.add_argument("--size", type=size, default=64 * MIB, help="of a bulk part (default 64MiB)")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()), help="where servers write"
    )
    parser.add_argument("--quick", action="store_true", help="less of everything; the results are not kept")
    parser.add_argument(
        "--page", action="store_true", help="only write docs/performance.md from what was kept"
    )
    return parser.parse_args(words)


def main(words: Sequence[str] = sys.argv[1:]) -> int:
    """Exit status: 0 if all was measured, whatever it came to; 1 if something could not be."""
    chosen = options(words)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # stop what was started, too
    bench = Bench(
        folder=chosen.folder,
        rounds=1 if chosen.quick else chosen.rounds,
        size=chosen.size,
        connections=chosen.connections,
        quick=chosen.quick,
        say=lambda text: print(f"  … {text}", file=sys.stderr, flush=True),
    )
    status = 0
    for name in [] if chosen.page else chosen.part or PARTS:
        print(f"\n{name}", flush=True)
        try:
            measure(name, bench)
        except (Failed, Missing) as error:
            print(f"  could not be measured: {error}", file=sys.stderr)
            status = 1
    if not chosen.quick:
        write_page()
    return status


def measure(name: str, bench: Bench) -> None:
    """Run a part, show what it finds, keep it."""
    about = {**describe(bench.folder), "rounds": bench.rounds, "part_mib": bench.size / MIB}
    findings = []
    for finding in PARTS[name](bench):
        findings.append(finding)
        print("\n".join(report.shown(finding)), flush=True)
    if not bench.quick:
        write(RESULTS / f"{name}.json", about, findings)


def write_page() -> None:
    """docs/performance.md and its pictures, out of the results that are kept."""
    from bench.pictures import draw  # noqa: PLC0415 - only this needs matplotlib

    kept = {name: read(RESULTS / f"{name}.json") for name in PARTS if (RESULTS / f"{name}.json").exists()}
    checks = [one for _, findings in kept.values() for one in findings if isinstance(one, Check)]
    pieces = ["### The targets", "", *report.targets(checks), ""]
    for name, (about, findings) in kept.items():
        pieces.append(report.section(name, about, findings, picture=PICTURES.name))
        for one in findings:
            if not isinstance(one, Check):
                draw(one, PICTURES, caption=report.ABOUT.format(**about))
    report.put(PAGE, "\n".join(pieces))


if __name__ == "__main__":
    sys.exit(main())
