"""Findings as text: tables for the terminal and for docs/performance.md."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.findings import Breakdown, Check, Comparison, Curve, Drawn, Finding

BEGIN = "<!-- begin generated -->"
END = "<!-- end generated -->"

ABOUT = (
    "measured on {date}, {cores} cores ({processor}), {memory_gib} GiB, Linux {kernel}, {file_system},"
    " Python {python}, heavylift {heavylift} ({commit}), {rounds} rounds;"
    " load average before it {load_before}."
)


def section(name: str, about: Mapping[str, Any], findings: Sequence[Finding], *, picture: str) -> str:
    """One part of the page. `picture` is the folder of the pictures as the page sees it."""
    lines: list[str] = []
    for one in findings:
        if not isinstance(one, Check):
            lines += [f"### {one.title}", "", one.meaning, "", *table(one), ""]
            lines += [f"![{one.title}]({picture}/{one.name}.png)", ""]
        if isinstance(one, Comparison):
            lines += [f"Skipped: {who} ({reason})." for who, reason in one.missing.items()]
    return "\n".join([*lines, f"`python -m bench {name}`: {ABOUT.format(**about)}", ""])


def table(finding: Drawn) -> list[str]:
    """Its figures as a Markdown table."""
    if isinstance(finding, Curve):
        return _curve(finding)
    if isinstance(finding, Breakdown):
        rows = [(row, *map(_figure, figures)) for row, figures in finding.rows.items()]
        return _markdown(("", *finding.columns), rows)
    head = ("", "connections", "MB/s", "requests/s", "ratio", "CPU s/GB", "p50 ms", "p99 ms", "peak RSS MB")
    rows = [
        (
            cell.candidate,
            str(cell.connections),
            f"{cell.mb_per_second:,.0f}" if cell.mb_per_second >= 100 else f"{cell.mb_per_second:.1f}",
            f"{cell.requests_per_second:,.0f}"
            if cell.requests_per_second >= 100
            else f"{cell.requests_per_second:.1f}",
            f"{finding.ratio(cell.candidate, cell.connections, finding.figure):.2f}",
            f"{cell.cpu_per_gb:.2f}" if cell.cpu_per_gb < 100 else f"{cell.cpu_per_gb:,.0f}",
            f"{cell.p50_ms:.2f}" if cell.p50_ms < 10 else f"{cell.p50_ms:,.0f}",
            f"{cell.p99_ms:.2f}" if cell.p99_ms < 10 else f"{cell.p99_ms:,.0f}",
            f"{cell.peak_bytes / 1e6:.0f}",
        )
        for cell in sorted(finding.cells, key=lambda cell: cell.connections)
    ]
    return [*_markdown(head, rows), "", f"Ratios are to {finding.reference}, in the same rounds."]


def targets(checks: Sequence[Check]) -> list[str]:
    """Every target with its measured figure."""
    head = ("target", "bound", "measured", "")
    rows = [
        (
            check.target,
            f"{'≤' if check.at_most else '≥'} {check.bound:.3g} {check.unit}".strip(),
            f"{check.measured:.2f} {check.unit}".strip(),
            "reached" if check.passed else "**missed**",
        )
        for check in checks
    ]
    return _markdown(head, rows)


def put(page: Path, generated: str) -> None:
    """Replace what stands between the marks of the page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{generated.strip()}\n\n{END}{after}", encoding="utf-8")


def _figure(value: float) -> str:
    """With as many digits as are worth reading."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _curve(curve: Curve) -> list[str]:
    places = sorted({x for points in curve.series.values() for x, _ in points})
    rows = []
    for name, points in curve.series.items():
        known = {point[0]: point[1] for point in points}
        rows.append((name, *(f"{known[x]:,.1f}" if x in known else "" for x in places)))
    return _markdown((curve.x_label, *(f"{x:,.0f}" for x in places)), rows)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    return [line(head), line(["---", *["---:"] * (len(head) - 1)]), *map(line, rows)]


def shown(finding: Finding) -> Iterator[str]:
    """A finding for the terminal."""
    if isinstance(finding, Check):
        verdict = "reached" if finding.passed else "MISSED "
        yield f"  {verdict}  {finding.measured:9.2f} {finding.unit:3} {finding.target}"
    else:
        yield from ("", finding.title, *table(finding), "")
