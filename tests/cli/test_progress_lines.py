"""Off a terminal, long work says how far it is, every ten seconds; short work says nothing."""

import pytest

from heavylift.cli.progress import Bar, TotalBar
from heavylift.cli.voice import VOICE
from heavylift.client.filesprogress import FilesProgress
from heavylift.client.progress import Progress

MIB = 1024 * 1024


def progress(done: int) -> Progress:
    return Progress(
        id="upload_1", phase="transferring", bytes_done=done * MIB, bytes_total=100 * MIB, bytes_resumed=0,
        parts_done=0, parts_total=10, parts_in_flight=4, rate=MIB, eta_seconds=100 - done, retries=0,
    )  # fmt: skip


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def voice() -> None:
    VOICE.begin(())


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_line_comes_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Bar("big.jsonl", clock=clock) as bar:
        for second in range(1, 31):
            clock.now = 1000.0 + second
            bar.report(progress(second))
    lines = told(capsys)
    assert [line.partition(" of ")[0] for line in lines] == [
        f"heavylift: big.jsonl: {done}.0 MiB" for done in (10, 20, 30)
    ]
    assert lines[0].endswith("1.0 MiB/s, 1:30, 4 in flight")


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Bar("big.jsonl", clock=clock) as bar:
        clock.now += 9.9
        bar.report(progress(99))
    assert told(capsys) == []


@pytest.mark.parametrize("silent", ["quiet", "no_progress"])
def test_whoever_wants_silence_has_it(capsys: pytest.CaptureFixture[str], silent: str) -> None:
    VOICE.quiet, VOICE.progress = silent == "quiet", False
    clock = Clock()
    with TotalBar(clock=clock) as bar:
        clock.now += 60
        bar.report(of_files(), "1 of 2 files")
    assert told(capsys) == []


def test_many_files_say_how_far_all_are(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with TotalBar(clock=clock) as bar:
        clock.now += 10
        bar.report(of_files(), "1 of 2 files")
        bar.report(of_files(), "2 of 2 files")
    assert told(capsys) == ["heavylift: files: 1 of 2 files"]


def of_files() -> FilesProgress:
    return FilesProgress(
        files_done=1, files_failed=0, files_skipped=0, files_total=2, files_in_flight=1, bytes_done=1,
        bytes_total=2, rate=1.0, eta_seconds=1.0, retries=0,
    )  # fmt: skip
