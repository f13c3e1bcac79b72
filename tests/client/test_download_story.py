"""The story of a download on both drivers: ranges, resuming, verification, putting in place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from heavylift.client import errors
from heavylift.client.progress import Progress
from heavylift.client.retries import RetryConfig
from heavylift.client.stories import download
from heavylift.client.stories.download import download_file
from tests.client.rig import Rig
from tests.client.scripted import Scripted
from tests.client.story import journals

CONTENT = bytes(range(251)) * 200
RANGE = 10_000
RANGES = 6

Download = Callable[..., Any]


@pytest.fixture
def server(server: Scripted) -> Scripted:
    server.keep(CONTENT, "kept.bin")
    return server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "here.bin"


@pytest.fixture
def fetch(rig: Rig, target: Path) -> Download:
    """Downloads the File, in six ranges, to the target unless told otherwise. Time passes."""
    rig.tick = 0.2

    def run(**changes: Any) -> Any:
        wishes = {"file_id": "file-1", "to": target, "range_size": RANGE, **changes}
        return rig.run(download_file(**wishes))

    return run


def leftovers(target: Path) -> list[Path]:
    return list(target.parent.glob("*.part"))


@pytest.mark.parametrize("most", [1, 4])
def test_a_file_arrives_whole_verified_and_alone(
    rig: Rig, fetch: Download, server: Scripted, target: Path, most: int
):
    done = fetch(max_concurrency=most)
    assert target.read_bytes() == CONTENT
    assert (done.verified, done.bytes, done.path) == (True, len(CONTENT), str(target))
    assert server.count("GET /files/file-1/content") == RANGES
    assert leftovers(target) == journals(rig) == []


def test_a_server_without_ranges_sends_it_in_one_piece(fetch: Download, server: Scripted, target: Path):
    server.ranges = False
    assert fetch().verified
    assert target.read_bytes() == CONTENT
    assert server.count("GET /files/file-1/content") == 1


def test_a_server_without_checksums_is_believed_and_that_is_told(
    fetch: Download, server: Scripted, target: Path
):
    del server.files["file-1"][0]["checksum"]
    assert not fetch().verified
    assert target.read_bytes() == CONTENT


def test_an_empty_file_needs_no_bytes(fetch: Download, server: Scripted, target: Path):
    server.keep(b"")
    assert fetch(file_id="file-2").verified
    assert target.read_bytes() == b""


def test_into_a_directory_it_goes_under_its_own_name(fetch: Download, server: Scripted, tmp_path: Path):
    fetch(to=tmp_path)
    assert (tmp_path / "kept.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "..", "a\\..\\evil", ""])
def test_a_servers_file_name_never_leads_out_of_the_directory(
    fetch: Download, server: Scripted, tmp_path: Path, name: str
):
    server.files["file-1"][0]["filename"] = name
    inside = tmp_path / "inside"
    inside.mkdir()
    path = Path(fetch(to=inside).path)
    assert path.resolve().parent == inside
    assert path.read_bytes() == CONTENT


def test_an_interrupted_download_is_gone_on_with(rig: Rig, fetch: Download, server: Scripted, target: Path):
    target.write_bytes(b"what was there before")
    rig.set(retries=RetryConfig("none"))
    server.tamper = failing_from(4)
    with pytest.raises(errors.ServerError):
        fetch(max_concurrency=1)
    assert target.read_bytes() == b"what was there before"
    server.tamper = lambda line, request: None
    server.asked.clear()
    done = fetch()
    assert target.read_bytes() == CONTENT
    assert done.resumed_bytes == 3 * RANGE
    assert server.count("GET /files/file-1/content") == RANGES - 3
    assert leftovers(target) == journals(rig) == []


def failing_from(number: int) -> Callable[..., httpx2.Response | None]:
    """The content's answers from the nth on are failures."""
    count = 0

    def tamper(line: str, request: httpx2.Request) -> httpx2.Response | None:
        nonlocal count
        count += line.endswith("/content")
        return httpx2.Response(503) if line.endswith("/content") and count >= number else None

    return tamper


def test_a_damaged_part_file_is_noticed_and_only_that_range_fetched_again(
    rig: Rig, fetch: Download, server: Scripted, target: Path
):
    rig.set(retries=RetryConfig("none"))
    server.tamper = failing_from(4)
    with pytest.raises(errors.ServerError):
        fetch(max_concurrency=1)
    [part] = leftovers(target)
    with part.open("rb+") as file:
        file.seek(RANGE + 5)
        file.write(b"damage")
    server.tamper = lambda line, request: None
    assert fetch().resumed_bytes == 2 * RANGE
    assert target.read_bytes() == CONTENT


def test_a_file_that_is_another_one_now_is_fetched_anew(
    rig: Rig, fetch: Download, server: Scripted, target: Path
):
    rig.set(retries=RetryConfig("none"))
    server.tamper = failing_from(4)
    with pytest.raises(errors.ServerError):
        fetch(max_concurrency=1)
    server.tamper = lambda line, request: None
    server.files["file-1"] = (server.keep(CONTENT[::-1]), CONTENT[::-1])
    reports: list[Progress] = []
    assert fetch(on_progress=reports.append).resumed_bytes == 0
    assert target.read_bytes() == CONTENT[::-1]
    assert leftovers(target) == journals(rig) == []
    assert any("fetched anew" in report.note for report in reports)
    assert reports[-1].bytes_done == len(CONTENT)


def test_a_broken_connection_costs_one_range(rig: Rig, fetch: Download, server: Scripted, target: Path):
    calls: list[str] = []

    def cut(line: str, request: httpx2.Request) -> None:
        calls.append(line)
        if len(calls) == 3:
            raise httpx2.ReadError("cut")

    server.tamper = cut
    reports: list[Progress] = []
    fetch(on_progress=reports.append)
    assert target.read_bytes() == CONTENT
    assert server.count("GET /files/file-1/content") == RANGES + 1
    assert (reports[-1].bytes_done, reports[-1].retries) == (len(CONTENT), 1)


def test_bytes_that_are_not_the_files_are_refused_and_removed(
    rig: Rig, fetch: Download, server: Scripted, target: Path
):
    server.files["file-1"] = (server.files["file-1"][0], CONTENT[::-1])
    with pytest.raises(errors.CorruptedError, match="Download it again"):
        fetch()
    assert not target.exists()
    assert leftovers(target) == journals(rig) == []


@pytest.mark.parametrize(
    ("status", "content", "found"),
    [
        (206, b"x" * RANGE, f"bytes 5-{RANGE + 4}/50200"),
        (206, b"x" * RANGE, ""),
        (204, b"", ""),
        (206, b"x", f"bytes 0-{RANGE - 1}/50200"),
        (206, b"x" * RANGE * 2, f"bytes 0-{RANGE - 1}/50200"),
    ],
)
def test_another_range_than_the_one_asked_for_is_refused(
    fetch: Download, server: Scripted, target: Path, *, status: int, content: bytes, found: str
):
    def answer(line: str, request: httpx2.Request) -> httpx2.Response | None:
        headers = {"content-range": found}
        return httpx2.Response(status, content=content, headers=headers) if "content" in line else None

    server.tamper = answer
    with pytest.raises(errors.CorruptedError):
        fetch()
    assert not target.exists()
    assert leftovers(target) == []


def test_without_resume_a_failure_leaves_nothing(rig: Rig, fetch: Download, server: Scripted, target: Path):
    rig.set(retries=RetryConfig("none"))
    server.tamper = failing_from(4)
    with pytest.raises(errors.ServerError):
        fetch(resume=False)
    assert leftovers(target) == journals(rig) == []


def test_a_target_that_cannot_be_written_is_the_systems_own_error(
    fetch: Download, server: Scripted, tmp_path: Path
):
    with pytest.raises(FileNotFoundError):
        fetch(to=tmp_path / "no" / "such" / "folder" / "x")


def test_a_range_is_sixteen_mebibytes_by_default():
    assert download.RANGE_SIZE == 16 * 1024 * 1024
