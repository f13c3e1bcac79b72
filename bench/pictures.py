"""One picture for each table, by matplotlib."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from bench.findings import Breakdown, Comparison, Curve, Drawn

mpl.use("Agg")

OURS = "#c2410c"
OTHERS = "#94a3b8"
SHADES = (OURS, "#fdba74", "#475569", "#cbd5e1", "#0f766e")
"""Of a bar's pieces."""

WIDE = 10
"""Times that the largest figure of a curve may be the smallest before a linear axis hides the small ones."""

LABELS = {"mb_per_second": "MB/s", "requests_per_second": "requests/s"}


def draw(finding: Drawn, folder: Path, *, caption: str) -> Path:
    """The picture's path: `folder` and the finding's name. `caption` says where and when."""
    count = len({cell.connections for cell in finding.cells}) if isinstance(finding, Comparison) else 1
    figure, axes = plt.subplots(1, count, figsize=(4.2 * max(count, 2), 4.2), squeeze=False)
    if isinstance(finding, Comparison):
        _bars(finding, list(axes[0]))
    elif isinstance(finding, Breakdown):
        _stack(finding, axes[0][0])
    else:
        _lines(finding, axes[0][0])
    figure.suptitle(finding.title, fontweight="bold")
    wrapped = fill(caption, 60 * max(count, 2))
    figure.text(0.5, 0.01, wrapped, ha="center", va="bottom", fontsize=7, color="#475569")
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    path = folder / f"{finding.name}.png"
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)
    return path


def _bars(table: Comparison, axes: Sequence[Axes]) -> None:
    """A panel for each number of connections, a bar for each candidate, the reference as a line."""
    for axis, many in zip(axes, sorted({cell.connections for cell in table.cells}), strict=True):
        cells = [cell for cell in table.cells if cell.connections == many][::-1]
        names = [cell.candidate for cell in cells]
        colours = [OURS if name.startswith("heavylift") else OTHERS for name in names]
        bars = axis.barh(names, [getattr(cell, table.figure) for cell in cells], color=colours)
        axis.bar_label(bars, fmt="{:,.0f}", padding=2, fontsize=7)
        axis.axvline(
            getattr(table.cell(table.reference, many), table.figure), color="#0f172a", lw=0.8, ls=":"
        )
        axis.set_title(f"{many} connection{'s' * (many > 1)}", fontsize=9)
        axis.set_xlabel(LABELS[table.figure], fontsize=8)
        axis.margins(x=0.18)
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
        if axis is not axes[0]:
            axis.set_yticklabels([])


def _stack(breakdown: Breakdown, axis: Axes) -> None:
    """A bar for each way, in as many pieces as it has stacked columns."""
    ways = list(breakdown.rows)[::-1]
    left = [0.0] * len(ways)
    for number, column in enumerate(breakdown.stacked):
        figures = [breakdown.figure(way, column) for way in ways]
        axis.barh(ways, figures, left=left, label=column, color=SHADES[number % len(SHADES)])
        left = [begin + figure for begin, figure in zip(left, figures, strict=True)]
    axis.set_xlabel(breakdown.unit, fontsize=8)
    axis.tick_params(labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=7)


def _lines(curve: Curve, axis: Axes) -> None:
    for name, points in curve.series.items():
        axis.plot([x for x, _ in points], [y for _, y in points], marker="o", label=name)
    axis.set(xscale="log", xlabel=curve.x_label, ylabel=curve.y_label)
    figures = [y for points in curve.series.values() for _, y in points]
    if max(figures) > WIDE * min(figures):
        axis.set_yscale("log")
    else:
        axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
