"""The benchmark's figures follow from its samples, are kept, and stand in the tables as measured."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from bench import report
from bench.findings import Breakdown, Check, Comparison, Curve, Finding, read, write
from bench.load import Load, Outcome
from bench.machine import describe
from bench.parts.scale import BARE, CLIENT, FACTS, OURS, RATIO, STORE, Spent, breakdown
from bench.process import Process, cpu_seconds, free_port, listens, peak_bytes
from bench.rounds import cell
from bench.transfer import Order, perform

from tests.e2e.wire import eventually

GB = 10**9

COMPILES = pytest.mark.skipif(
    shutil.which("cc") is None and os.environ.get("CI") != "true",
    reason="THE BENCHMARK WAS NOT TESTED: its load generator needs a C compiler",
)


def outcome(seconds: float, *, cpu: float = 1.0, peak: int = 5) -> Outcome:
    """A run of a gigabyte in ten requests."""
    return Outcome(
        seconds=seconds, bytes=GB, requests=10, p50_ms=seconds, p99_ms=9.0, max_ms=9.0, cpu=cpu, peak=peak,
        generator_cpu=0.1,
    )  # fmt: skip


def test_a_cell_is_the_medians_of_the_rounds_and_the_largest_peak() -> None:
    found = cell("a", 4, [outcome(1.0, cpu=3.0), outcome(2.0, cpu=1.0, peak=9), outcome(10.0, cpu=2.0)])
    assert (found.mb_per_second, found.requests_per_second) == (500.0, 5.0)
    assert (found.cpu_per_gb, found.cpu_us_per_request, found.p50_ms) == (2.0, 200_000.0, 2.0)
    assert found.peak_bytes == 9
    assert found.rounds == (1000.0, 500.0, 100.0)


def test_a_run_without_payload_has_no_cost_for_a_byte() -> None:
    assert replace(outcome(1.0), bytes=0).cpu_per_gb == 0.0


def comparison() -> Comparison:
    cells = [cell("slow", 1, [outcome(4.0)]), cell("fast", 1, [outcome(2.0)])]
    return Comparison(
        name="c", title="C", meaning="m", reference="fast", figure="mb_per_second", cells=cells,
        missing={"third": "not here"},
    )  # fmt: skip


def test_a_ratio_is_to_the_reference() -> None:
    assert comparison().ratio("slow", 1, "mb_per_second") == 0.5
    with pytest.raises(KeyError):
        comparison().ratio("slow", 2, "mb_per_second")


def test_a_table_says_what_was_measured() -> None:
    lines = report.table(comparison())
    assert "| slow | 1 | 250 | 2.5 | 0.50 | 1.00 | 4.00 | 9.00 | 0 |" in lines
    assert lines[-1] == "Ratios are to fast, in the same rounds."


def test_a_curve_without_a_point_leaves_its_place_empty() -> None:
    curve = Curve(
        name="k", title="K", meaning="m", x_label="x", y_label="y", series={"a": [(1, 2.0)], "b": [(2, 3.0)]}
    )
    assert report.table(curve)[2:] == ["| a | 2.0 |  |", "| b |  | 3.0 |"]


@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        (Check(target="t", measured=0.85, bound=0.85), "reached"),
        (Check(target="t", measured=0.84, bound=0.85), "**missed**"),
        (Check(target="t", measured=2.0, bound=2.0, at_most=True), "reached"),
        (Check(target="t", measured=2.1, bound=2.0, at_most=True), "**missed**"),
    ],
)
def test_a_target_is_reached_or_missed(check: Check, verdict: str) -> None:
    assert report.targets([check])[-1].endswith(f"{verdict} |")


def spent(seconds: float, client: float, ours: float, facts: float, store: float) -> Spent:
    cpu = {CLIENT: client, OURS: ours, FACTS: facts, STORE: store}
    return Spent(seconds=seconds, bytes=GB, cpu=cpu)


def test_the_cost_of_each_way_is_held_against_the_better_direct_one() -> None:
    runs = {
        "boto3, directly": [spent(10, 5, 9, 9, 10)] * 3,
        "obstore, directly": [spent(20, 1, 0, 0, 7)] * 3,
        "heavylift, 1 replica": [spent(5, 1, 4, 1, 10), spent(5, 1, 4, 1, 10), spent(5, 99, 99, 99, 99)],
    }
    table = breakdown("send", "S", runs)
    assert table.figure("heavylift, 1 replica", "MB/s") == 200
    assert table.figure("heavylift, 1 replica", "all") == 16
    assert table.figure("heavylift, 1 replica", RATIO) == 0.5
    assert table.figure("obstore, directly", RATIO) == 1.0
    assert table.figure("heavylift, 1 replica", BARE) == pytest.approx(1 / 6)
    assert (
        "| heavylift, 1 replica | 200 | 1.00 | 4.00 | 1.00 | 10.00 | 16.00 | 0.50 | 0.17 |"
        in report.table(table)
    )


def test_what_is_kept_is_what_was_found(tmp_path: Path) -> None:
    found: list[Finding] = [
        comparison(),
        Breakdown(
            name="b", title="B", meaning="m", unit="u", columns=["x"], stacked=["x"], rows={"r": [1.5]}
        ),
        Check(target="t", measured=1.0, bound=2.0, unit="ms"),
    ]
    write(tmp_path / "results" / "one.json", {"date": "today"}, found)
    about, again = read(tmp_path / "results" / "one.json")
    assert about == {"date": "today"}
    assert [report.table(one) if not isinstance(one, Check) else one for one in again] == [
        report.table(one) if not isinstance(one, Check) else one for one in found
    ]


def test_the_page_keeps_what_stands_around_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.put(page, "new")
    assert page.read_text() == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"


def test_every_kept_result_can_be_shown_and_stands_on_the_page() -> None:
    root = Path(report.__file__).parent
    page = (root.parent / "docs" / "performance.md").read_text(encoding="utf-8")
    kept = sorted((root / "results").glob("*.json"))
    assert kept
    for path in kept:
        about, findings = read(path)
        assert report.section(path.stem, about, findings, picture="performance").strip() in page, path.name


def test_a_machine_is_described(tmp_path: Path) -> None:
    about = describe(tmp_path)
    assert about["cores"] == os.cpu_count()
    assert report.ABOUT.format(**about, rounds=1)


@COMPILES
def test_the_generator_is_told_all_of_a_load() -> None:
    load = Load(port=1, path="/p", multipart=True, span=(5, 50), headers=("A: b",))
    words = " ".join(load.words()[1:])
    assert "--port 1" in words
    assert "--header A: b" in words
    assert words.endswith("--range 5 --range-of 50 --multipart")


def test_a_process_is_watched_with_its_children_and_stopped_with_them(tmp_path: Path) -> None:
    port = free_port()
    code = (
        "import socket, subprocess, sys\n"
        "words = [sys.executable, '-c', 'sum(range(10**7)); input()']\n"
        "child = subprocess.Popen(words, stdin=subprocess.PIPE)\n"
        f"s = socket.create_server(('127.0.0.1', {port})); s.accept(); s.accept()\n"
    )
    process = Process([sys.executable, "-c", code], log=tmp_path / "log", env=dict(os.environ))
    try:
        process.wait_for(lambda: listens(port))
        assert len(process.family()) == 2
        process.wait_for(lambda: cpu_seconds(process.family()) > 0.05)
        assert peak_bytes(process.family()) > 5_000_000
        family = [psutil.Process(pid) for pid in process.family()]
    finally:
        process.stop()
    assert process.family() == []
    process.stop()
    eventually(lambda: not any(map(lives, family)))


def lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def test_a_client_that_fetches_less_than_was_sent_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"four")
    order = Order(way="boto3", hosts=[], key="", secret="", path=str(path), files=3, threads=2)
    assert perform(lambda _: 4, order)["seconds"] > 0
    assert perform(lambda _: None, order)["cpu"] >= 0
    with pytest.raises(ValueError, match="3"):
        perform(lambda _: 3, order)


@COMPILES
def test_a_part_runs_from_the_command_line_and_keeps_nothing_when_quick() -> None:
    kept = Path(report.__file__).parent / "results" / "parts.json"
    before = kept.read_text()
    done = subprocess.run(
        [sys.executable, "-m", "bench", "parts", "--quick"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "complete, ms" in done.stdout
    assert kept.read_text() == before
    assert json.loads(before)["findings"]
