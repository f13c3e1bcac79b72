"""What a benchmark finds, as values that go into a file: tables, curves, checks against the targets."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.rounds import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Candidates side by side. `reference` is the one that the ratios are to; `figure` the one drawn."""

    name: str
    title: str
    meaning: str
    reference: str
    figure: str
    cells: Sequence[Cell]
    missing: Mapping[str, str] = field(default_factory=dict)

    def ratio(self, candidate: str, connections: int, figure: str) -> float:
        """What the candidate reaches of the reference, in the same round trips."""
        return float(getattr(self.cell(candidate, connections), figure)) / float(
            getattr(self.cell(self.reference, connections), figure)
        )

    def cell(self, candidate: str, connections: int) -> Cell:
        """The figures of one candidate. Raises KeyError if it was not measured."""
        for cell in self.cells:
            if (cell.candidate, cell.connections) == (candidate, connections):
                return cell
        raise KeyError(candidate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """How something grows: points of (x, y) for each series."""

    name: str
    title: str
    meaning: str
    x_label: str
    y_label: str
    series: Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """What each of several ways takes, column by column. `stacked` columns add up, and are drawn so;
    `unit` is theirs."""

    name: str
    title: str
    meaning: str
    unit: str
    columns: Sequence[str]
    stacked: Sequence[str]
    rows: Mapping[str, Sequence[float]]

    def figure(self, row: str, column: str) -> float:
        """One of them. Raises KeyError or ValueError if there is none."""
        return self.rows[row][list(self.columns).index(column)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A target: what was measured, and the bound that it is held against. `at_most` turns it round."""

    target: str
    measured: float
    bound: float
    at_most: bool = False
    unit: str = ""

    @property
    def passed(self) -> bool:
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound


Drawn = Comparison | Curve | Breakdown
Finding = Drawn | Check
KINDS = {"comparison": Comparison, "curve": Curve, "breakdown": Breakdown, "check": Check}


def write(path: Path, about: Mapping[str, Any], findings: Iterable[Finding]) -> None:
    """Keep them, with what is known `about` the run."""
    entries = [{"kind": type(one).__name__.lower(), **asdict(one)} for one in findings]
    path.parent.mkdir(exist_ok=True)
    text = json.dumps({"about": dict(about), "findings": entries}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def read(path: Path) -> tuple[dict[str, Any], list[Finding]]:
    """What `write` kept."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    findings: list[Finding] = []
    for entry in kept["findings"]:
        kind = KINDS[entry.pop("kind")]
        if kind is Comparison:
            entry["cells"] = [Cell(**cell) for cell in entry["cells"]]
        findings.append(kind(**entry))
    return kept["about"], findings
