"""Many Files into a folder by one call: against the real service, with both clients."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heavylift import AsyncHeavylift, FileResult, FilesProgress, Heavylift, RetryConfig, errors
from tests.serving import Served, serving

MIB = 1024 * 1024
Fetch = Callable[..., list[FileResult]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("service")) as served:
        yield served


@pytest.fixture(params=["blocking", "asyncio"])
def fetch(request: pytest.FixtureRequest, server: Served, tmp_path: Path) -> Fetch:
    setting: dict[str, Any] = {
        "server_url": server.url,
        "api_key": server.key,
        "state_folder": tmp_path / "state",
        "retry_config": RetryConfig("none"),
    }

    async def awaited(*args: Any, **kwargs: Any) -> list[FileResult]:
        async with AsyncHeavylift(**setting) as client:
            return await client.files.download_files(*args, **kwargs)

    def fetch(*args: Any, api_key: str = server.key, **kwargs: Any) -> list[FileResult]:
        setting["api_key"] = api_key
        kwargs.setdefault("to", tmp_path / "to")
        if request.param == "asyncio":
            return asyncio.run(awaited(*args, **kwargs))
        with Heavylift(**setting) as client:
            return client.files.download_files(*args, **kwargs)

    return fetch


def made(server: Served, contents: dict[str, bytes], purpose: str = "user_data") -> dict[str, str]:
    """Files of these names; their ids."""
    with Heavylift(server_url=server.url, api_key=server.key) as client:
        return {
            name: client.files.create_file(content, filename=name, purpose=purpose).id
            for name, content in contents.items()
        }


@pytest.fixture
def files(server: Served) -> Iterator[tuple[dict[str, str], dict[str, bytes]]]:
    """Small ones on two levels and a large one, which nobody else sees."""
    contents = {f"{'de/' if number % 2 else ''}{number}.txt": b"%d " % number * 99 for number in range(12)}
    contents["large.bin"] = os.urandom(20 * MIB)
    ids = made(server, contents)
    yield ids, contents
    with Heavylift(server_url=server.url, api_key=server.key) as client:
        for file in list(client.files.list_files()):
            client.files.delete_file(file.id)


def on_disk(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


Files = tuple[dict[str, str], dict[str, bytes]]


def test_files_lie_where_their_names_say(fetch: Fetch, files: Files, tmp_path: Path) -> None:
    ids, contents = files
    results = fetch(list(ids.values()))
    assert [(result.error, result.skipped) for result in results] == [(None, "")] * len(ids)
    assert on_disk(tmp_path / "to") == contents
    assert {result.path for result in results} == {str(tmp_path / "to" / name) for name in contents}


def test_a_purpose_stands_for_all_its_files(
    fetch: Fetch, files: Files, server: Served, tmp_path: Path
) -> None:
    made(server, {"other.jsonl": b"{}\n"}, purpose="batch")
    fetch(purpose="batch")
    assert on_disk(tmp_path / "to") == {"other.jsonl": b"{}\n"}


def test_the_same_call_fetches_only_what_is_missing_or_another(
    fetch: Fetch, files: Files, tmp_path: Path
) -> None:
    ids, contents = files
    fetch(list(ids.values()))
    (tmp_path / "to" / "0.txt").unlink()
    (tmp_path / "to" / "large.bin").write_bytes(bytes(20 * MIB))
    again = fetch(list(ids.values()))
    assert {one.filename for one in again if not one.skipped} == {"0.txt", "large.bin"}
    assert on_disk(tmp_path / "to") == contents


def test_what_is_there_is_kept_where_nothing_may_be_replaced(
    fetch: Fetch, files: Files, tmp_path: Path
) -> None:
    ids, _ = files
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "0.txt").write_bytes(b"mine")
    results = {one.filename: one.error for one in fetch(list(ids.values()), overwrite=False)}
    assert {name for name, error in results.items() if error is not None} == {"0.txt"}
    assert isinstance(results["0.txt"], FileExistsError)
    assert (tmp_path / "to" / "0.txt").read_bytes() == b"mine"


def test_one_that_is_gone_keeps_no_other(fetch: Fetch, files: Files, tmp_path: Path) -> None:
    ids, contents = files
    told: list[FileResult] = []
    gone = "file-" + "0" * 22
    [failed] = fetch([gone, *ids.values()], on_result=told.append)
    assert isinstance(failed.error, errors.NotFoundError)
    assert failed.filename == gone
    assert len(told) == len(ids) + 1
    assert on_disk(tmp_path / "to") == contents


def test_files_that_share_a_name_all_arrive(
    fetch: Fetch, files: Files, server: Served, tmp_path: Path
) -> None:
    contents = {"a.txt": b"1", "A.TXT": b"2", "b.txt": b"3"}
    ids = made(server, contents)
    fetch(list(ids.values()))
    assert on_disk(tmp_path / "to") == {
        f"a.{ids['a.txt']}.txt": b"1", f"A.{ids['A.TXT']}.TXT": b"2", "b.txt": b"3",
    }  # fmt: skip


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    from tests.support.stand_in import keep, stand_in_server

    with stand_in_server() as stand_in:
        names = ["../../up", "/etc/passwd", "a/../../b", "..\\c:\\d", "con/nul.txt", ""]
        ids = [keep(stand_in, name, "batch", name.encode())["id"] for name in names]
        with Heavylift(server_url=stand_in.url, api_key="sk-x", state_folder=tmp_path / "state") as client:
            results = client.files.download_files(ids, to=tmp_path / "deep" / "to")
    assert [result.error for result in results if result.error] == []
    inside = on_disk(tmp_path / "deep" / "to")
    assert len(inside) == len(names)
    assert sorted(inside.values()) == sorted(name.encode() for name in names)
    assert not (tmp_path / "up").exists()
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"to"}


def test_a_server_that_does_not_filter_by_purpose_is_held_to_it(tmp_path: Path) -> None:
    from tests.support.stand_in import keep, stand_in_server

    with stand_in_server() as stand_in:
        keep(stand_in, "a.jsonl", "batch", b"a")
        keep(stand_in, "b.jsonl", "fine-tune", b"b")
        with Heavylift(server_url=stand_in.url, api_key="sk-x", state_folder=tmp_path / "state") as client:
            client.files.download_files(purpose="batch", to=tmp_path / "to")
    assert on_disk(tmp_path / "to") == {"a.jsonl": b"a"}


@pytest.mark.parametrize("theirs", [b"the same", b"another!"])
def test_what_another_run_has_put_there_meanwhile_is_left_out_if_it_is_the_same(
    tmp_path: Path, theirs: bytes
) -> None:
    from tests.support.stand_in import keep, stand_in_server

    place = tmp_path / "to" / "one.bin"
    told: list[FilesProgress] = []
    with stand_in_server() as server:
        server.extensions = True
        file_id = keep(server, "one.bin", "user_data", b"the same")["id"]
        server.answers(f"GET /files/{file_id}/content", lambda asked: place.write_bytes(theirs) and None)
        with Heavylift(server_url=server.url, api_key="k", state_folder=tmp_path / "state") as client:
            (result,) = client.files.download_files(
                [file_id], to=tmp_path / "to", overwrite=False, on_progress=told.append
            ) or [None]
    assert place.read_bytes() == theirs
    assert [path.name for path in place.parent.iterdir()] == ["one.bin"]
    assert result is not None
    assert isinstance(result.error, FileExistsError) == (theirs != b"the same")
    assert bool(result.skipped) == (theirs == b"the same")
    assert told[-1].bytes_done == 8


def test_a_refused_key_ends_it_at_once(fetch: Fetch, files: Files) -> None:
    with pytest.raises(errors.AuthenticationError):
        fetch(list(files[0].values()), api_key="hl-wrong")


@pytest.mark.parametrize(
    "wrong",
    [{}, {"file_ids": ["file-1"], "purpose": "batch"}, {"file_ids": "file-1"}, {"purpose": "x", "files": 0}],
)
def test_arguments_are_looked_at_first(fetch: Fetch, wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(errors.HeavyliftError):
        fetch(**wrong)
    assert not (tmp_path / "to").exists()


def test_progress_ends_with_all_of_it(fetch: Fetch, files: Files) -> None:
    ids, contents = files
    seen: list[FilesProgress] = []
    fetch(list(ids.values()), on_progress=seen.append)
    assert seen[-1].files_done == seen[-1].files_total == len(ids)
    assert seen[-1].bytes_done == seen[-1].bytes_total == sum(map(len, contents.values()))
