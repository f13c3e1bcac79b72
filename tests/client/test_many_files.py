"""Many files and folders by one call: against the real service, with both clients."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heavylift import AsyncHeavylift, FileResult, FilesProgress, Heavylift, RetryConfig, errors
from tests.serving import Served, serving
from tests.support.answers import Answer
from tests.support.stand_in import stand_in_server

MIB = 1024 * 1024
Send = Callable[..., list[FileResult]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("service")) as served:
        yield served


@pytest.fixture(params=["blocking", "asyncio"])
def send(request: pytest.FixtureRequest, server: Served, tmp_path: Path) -> Send:
    setting: dict[str, Any] = {
        "server_url": server.url,
        "api_key": server.key,
        "state_folder": tmp_path / "state",
        "retry_config": RetryConfig("none"),
    }

    async def awaited(*args: Any, **kwargs: Any) -> list[FileResult]:
        async with AsyncHeavylift(**setting) as client:
            return await client.files.upload_files(*args, purpose="user_data", **kwargs)

    def send(*args: Any, api_key: str = server.key, **kwargs: Any) -> list[FileResult]:
        setting["api_key"] = api_key
        if request.param == "asyncio":
            return asyncio.run(awaited(*args, **kwargs))
        with Heavylift(**setting) as client:
            return client.files.upload_files(*args, purpose="user_data", **kwargs)

    return send


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Small files on two levels, and a large one."""
    made = tmp_path / "corpus"
    (made / "de").mkdir(parents=True)
    for number in range(40):
        (made / ("de" if number % 2 else ".") / f"{number:02}.txt").write_bytes(b"%d " % number * 100)
    (made / "large.bin").write_bytes(os.urandom(9 * MIB))
    return made


def content(server: Served, file_id: str) -> bytes:
    with Heavylift(server_url=server.url, api_key=server.key) as client:
        return client.files.download_file(file_id).read()


def listed(server: Served) -> list[str]:
    with Heavylift(server_url=server.url, api_key=server.key) as client:
        return [file.id for file in client.files.list_files()]


def test_a_folder_arrives_whole_under_the_paths_below_it(send: Send, server: Served, folder: Path) -> None:
    results = send(folder)
    assert [result.error for result in results if result.error] == []
    sent = {result.filename: result.file for result in results}
    assert set(sent) == {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name, file in sent.items():
        assert file is not None
        assert file.filename == name
        assert content(server, file.id) == (folder / name).read_bytes()


def test_one_bad_file_does_not_keep_the_others_from_being_sent(send: Send, folder: Path) -> None:
    (folder / "empty.txt").touch()
    (folder / os.fsdecode(b"not\xffutf8")).write_bytes(b"x")
    (folder / "new\nline").write_bytes(b"x")
    (folder / "de" / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "socket"))
    results = {result.filename: result for result in send([folder, folder / "missing"])}
    assert {name for name, result in results.items() if result.error} == {
        "empty.txt", os.fsdecode(b"not\xffutf8"), "new\nline", "missing",
    }  # fmt: skip
    assert {name for name, result in results.items() if result.skipped} == {"de/loop", "pipe", "socket"}
    assert sum(result.file is not None for result in results.values()) == 41


def test_patterns_choose(send: Send, folder: Path) -> None:
    assert {result.filename for result in send(folder, include=["*.txt"], exclude=["de", "0*"])} == {
        f"{number}.txt" for number in range(10, 40, 2)
    }
    assert {result.filename for result in send(folder, include=["de/*"], exclude=["*[1-9].txt"])} == set()


def test_the_same_call_goes_on_and_forgets_when_all_is_sent(
    send: Send, server: Served, folder: Path, tmp_path: Path
) -> None:
    (folder / "empty.txt").touch()
    first = send(folder)
    (folder / "empty.txt").write_bytes(b"no more")
    (folder / "02.txt").write_bytes(b"changed meanwhile")
    gone = next(result.file for result in first if result.filename == "04.txt")
    assert gone is not None
    with Heavylift(server_url=server.url, api_key=server.key) as client:
        client.files.delete_file(gone.id)
    before = listed(server)
    second = send(folder)
    assert {each.filename for each in second if not each.skipped} == {"empty.txt", "02.txt", "04.txt"}
    assert len(listed(server)) == len(before) + 3
    ids = {each.filename: each.file.id for each in first if each.file}
    assert all(each.file and each.file.id == ids[each.filename] for each in second if each.skipped)
    assert list((tmp_path / "state" / "transfers").iterdir()) == []


def test_a_run_that_was_killed_before_it_heard_of_its_files_has_sent_them_once(
    send: Send, server: Served, folder: Path, tmp_path: Path
) -> None:
    (folder / "empty.txt").touch()  # is refused, so the journal stays
    (folder / "large.bin").unlink()
    first = {each.filename: each.file.id for each in send(folder) if each.file}
    (record,) = (tmp_path / "state" / "transfers").iterdir()
    begun, heard, torn, *_ = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(begun + heard + torn[:20])
    with Heavylift(server_url=server.url, api_key=server.key) as client:
        client.files.delete_file(first.pop("04.txt"))
    before = listed(server)
    again = {each.filename: each.file.id for each in send(folder) if each.file}
    assert {name: again[name] for name in first} == first
    assert len(listed(server)) == len(before) + 1
    assert [each.skipped for each in send(folder) if each.file].count("") == 0


def test_what_the_server_has_is_left_out_when_asked(send: Send, folder: Path) -> None:
    send(folder)
    (folder / "02.txt").write_bytes(os.urandom(200))
    again = send(folder, skip_existing=True)
    assert {each.filename for each in again if not each.skipped} == {"02.txt"}


def test_a_refused_key_is_not_tried_forty_times(send: Send, server: Served, folder: Path) -> None:
    results = send(folder, api_key="hl-another", files=1)
    assert len(results) == 41
    assert {type(result.error) for result in results} == {errors.AuthenticationError}
    refused = [line for line in server.lines if "invalid_api_key" in line or '"status":401' in line]
    assert len(refused) <= 4


def test_all_files_have_one_progress_and_results_one_by_one(send: Send, folder: Path) -> None:
    told: list[FilesProgress] = []
    seen: list[FileResult] = []
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert send(folder, on_progress=told.append, on_result=seen.append) == []
    assert len(seen) == 41
    assert (told[-1].files_done, told[-1].files_total) == (41, 41)
    assert (told[-1].bytes_done, told[-1].bytes_total) == (size, size)
    assert told[-1].files_in_flight == 0


def test_the_journal_of_this_client_is_not_sent(send: Send, tmp_path: Path, folder: Path) -> None:
    results = send(tmp_path)
    assert {result.error for result in results} == {None}
    assert {result.filename.partition("/")[0] for result in results} == {"corpus"}


def test_what_fails_at_its_end_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(3000))
    told: list[FilesProgress] = []
    with stand_in_server() as stand_in:
        stand_in.answers("POST /uploads/.*/complete", lambda asked: Answer(status=400), forever=True)
        setting: dict[str, Any] = {"state_folder": tmp_path / "state", "retry_config": RetryConfig("none")}
        with Heavylift(server_url=stand_in.url, api_key="k", **setting) as client:
            (result,) = client.files.upload_files(
                tmp_path / "a.bin", purpose="batch", part_size=1000, on_progress=told.append
            )
    assert result.error is not None
    assert (told[-1].bytes_done, told[-1].bytes_total) == (3000, 3000)
