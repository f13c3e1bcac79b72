"""A download never damages what lies on the user's disk, whatever is there, appears there, or is named so."""

import os
import socket
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from heavylift import errors
from heavylift.client.disk import unfinished
from tests.client.fetching import BYTES, CONTENT, RANGE, Fetcher, ranged
from tests.support.answers import Answer, Asked
from tests.support.stand_in import keep

OTHER = CONTENT[::-1]


def test_two_downloads_to_one_target_leave_the_bytes_of_one(fetcher: Fetcher):
    """Each stands still after its first range until the other one is as far."""
    keep(fetcher.server, "other.bin", "user_data", OTHER)
    met = threading.Barrier(2, timeout=60)
    for file_id, content in (("file-1", CONTENT), ("file-2", OTHER)):

        def meet(asked: Asked, content: bytes = content) -> Answer:
            met.wait()
            return ranged(content, asked, etag=f'"{content[0]}"')

        pattern = f"GET /files/{file_id}/content"
        rest = [lambda asked, content=content: ranged(content, asked, etag=f'"{content[0]}"')] * 4
        fetcher.server.answers(pattern, meet, *rest, meet)
    ended: list[Any] = []
    threads = [
        threading.Thread(target=lambda of=file_id: ended.append(fetcher.save(file_id=of, max_concurrency=1)))
        for file_id in ("file-1", "file-2")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.verified for done in ended] == [True, True]
    assert fetcher.target.read_bytes() in {CONTENT, OTHER}
    assert fetcher.left() == []


def test_the_users_own_files_beside_the_target_stay(fetcher: Fetcher):
    victim = fetcher.folder.parent / "victim"
    victim.write_bytes(b"precious")
    Path(f"{fetcher.target}.part").symlink_to(victim)
    own = fetcher.folder / "other.part"
    own.write_bytes(b"mine")
    assert fetcher.save().verified
    assert (victim.read_bytes(), own.read_bytes()) == (b"precious", b"mine")
    assert fetcher.target.read_bytes() == CONTENT


def test_a_target_that_appears_meanwhile_is_left_as_it_is(fetcher: Fetcher):
    def appear(asked: Asked) -> None:
        fetcher.target.write_bytes(b"appeared")

    fetcher.server.answers(BYTES, lambda asked: None, appear)
    with pytest.raises(FileExistsError) as refused:
        fetcher.save(overwrite=False)
    assert refused.value.filename == str(fetcher.target)
    assert fetcher.target.read_bytes() == b"appeared"
    fetcher.mend()
    assert fetcher.save(overwrite=True).resumed_bytes == len(CONTENT)
    assert fetcher.target.read_bytes() == CONTENT
    assert fetcher.server.count(BYTES) == 0


def test_a_target_that_is_there_is_refused_before_a_byte_is_asked_for(fetcher: Fetcher):
    fetcher.target.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        fetcher.save(overwrite=False)
    assert fetcher.server.count(BYTES) == 0
    assert fetcher.left() == []


@pytest.mark.parametrize("number", [1, 38, 95])
def test_a_disk_without_links_keeps_what_appears_too(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch, number: int
):
    def refuse(*places: object, **how: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(unfinished, "_link", refuse)
    assert fetcher.save(overwrite=False).verified
    assert fetcher.target.read_bytes() == CONTENT
    fetcher.target.unlink()
    fetcher.server.answers(
        BYTES, lambda asked: None, lambda asked: fetcher.target.write_bytes(b"new") and None
    )
    with pytest.raises(FileExistsError):
        fetcher.save(overwrite=False, resume=False)
    assert fetcher.target.read_bytes() == b"new"
    assert fetcher.left() == []


def test_the_mode_is_that_of_any_new_file(fetcher: Fetcher):
    before = os.umask(0o027)
    try:
        fetcher.save()
    finally:
        os.umask(before)
    assert stat.S_IMODE(fetcher.target.stat().st_mode) == 0o640


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_pipe_is_written_into_and_stays_a_pipe(fetcher: Fetcher, overwrite: bool):
    os.mkfifo(fetcher.target)
    poured: list[bytes] = []
    reader = threading.Thread(target=lambda: poured.append(fetcher.target.read_bytes()))
    reader.start()
    done = fetcher.save(overwrite=overwrite)
    reader.join()
    assert poured == [CONTENT]
    assert (done.verified, done.bytes) == (True, len(CONTENT))
    assert fetcher.target.is_fifo()
    assert fetcher.left() == []


@pytest.fixture
def null(fetcher: Fetcher) -> Path:
    """A null device of our own, in the test's folder: the machine's is not for experiments."""
    path = fetcher.folder.parent / "null"
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.stat(os.devnull).st_rdev)
        path.write_bytes(b"")
    except OSError:
        pytest.skip("only root makes devices, and not everywhere")
    return path


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_device_takes_the_bytes_and_stays_a_device(fetcher: Fetcher, null: Path, overwrite: bool):
    done = fetcher.save(to=null, overwrite=overwrite)
    assert (done.verified, done.bytes, done.path) == (True, len(CONTENT), str(null))
    assert null.is_char_device()
    assert {path.name for path in null.parent.iterdir()} <= {"folder", "null", "state"}


def test_a_terminal_is_refused(fetcher: Fetcher):
    master, slave = os.openpty()
    try:
        with pytest.raises(errors.InvalidRequestError, match="is a terminal"):
            fetcher.save(to=os.ttyname(slave))
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_socket_is_refused(fetcher: Fetcher, overwrite: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(fetcher.folder)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("here.bin")
        with pytest.raises(OSError, match="neither a regular file nor"):
            fetcher.save(to="here.bin", overwrite=overwrite)
    assert fetcher.target.is_socket()
    assert fetcher.left() == []


def test_what_becomes_a_pipe_meanwhile_is_never_renamed_over(fetcher: Fetcher):
    fetcher.server.answers(BYTES, lambda asked: None, lambda asked: os.mkfifo(fetcher.target))
    with pytest.raises(OSError, match="neither a regular file nor"):
        fetcher.save(overwrite=True, resume=False)
    assert fetcher.target.is_fifo()
    assert fetcher.left() == []


def test_a_folder_of_the_files_name_is_refused(fetcher: Fetcher):
    (fetcher.folder / "kept.bin").mkdir()
    with pytest.raises(IsADirectoryError):
        fetcher.save(to=fetcher.folder)
    assert fetcher.server.count(BYTES) == 0


def test_a_folder_that_is_not_there_is_not_made_a_file(fetcher: Fetcher):
    for missing in (f"{fetcher.folder}/none/", ""):
        with pytest.raises(NotADirectoryError):
            fetcher.save(to=missing)
    assert fetcher.left() == []


def test_a_link_is_followed_and_stays_a_link(fetcher: Fetcher):
    real = fetcher.folder.parent / "real"
    real.write_bytes(b"old")
    fetcher.target.symlink_to(real)
    assert fetcher.save().path == str(fetcher.target)
    assert fetcher.target.is_symlink()
    assert real.read_bytes() == CONTENT
    assert fetcher.left() == []


def test_a_link_into_nothing_is_not_written_through(fetcher: Fetcher):
    fetcher.target.symlink_to(fetcher.folder.parent / "nowhere")
    with pytest.raises(FileNotFoundError, match="leads to nothing"):
        fetcher.save()
    assert not (fetcher.folder.parent / "nowhere").exists()


def test_names_come_from_the_caller_not_from_the_server(fetcher: Fetcher):
    fetcher.metadata(id=str(fetcher.folder.parent / "evil"), filename="..")
    done = fetcher.save(to=fetcher.folder)
    assert Path(done.path) == fetcher.folder / "file-1"
    assert Path(done.path).read_bytes() == CONTENT
    fetcher.metadata(filename=".bash_profile")
    assert Path(fetcher.save(to=fetcher.folder).path).name == "_bash_profile"
    assert {asked.path for asked in fetcher.server.requests} == {
        "/v1/files/file-1",
        "/v1/files/file-1/content",
    }


@pytest.mark.parametrize("length", [251, 255])
def test_the_longest_names_can_be_downloaded(fetcher: Fetcher, length: int):
    fetcher.metadata(filename="n" * length)
    assert Path(fetcher.save(to=fetcher.folder).path).name == "n" * length


def test_too_long_a_name_is_one_sentence_before_a_byte_is_asked_for(fetcher: Fetcher):
    with pytest.raises(OSError, match="too long for this disk; give another one with to="):
        fetcher.save(to=fetcher.folder / ("n" * 256))
    assert fetcher.server.count(BYTES) == 0
    assert fetcher.left() == []


def test_an_open_file_takes_the_bytes_in_order(fetcher: Fetcher):
    path = fetcher.folder / "mine"
    with path.open("wb") as file:
        file.write(b"head")
        done = fetcher.save(to=file)
    assert path.read_bytes() == b"head" + CONTENT
    assert done.verified


def test_a_text_file_is_refused_in_a_sentence(fetcher: Fetcher):
    with (fetcher.folder / "mine").open("w") as file, pytest.raises(errors.InvalidRequestError, match="'wb'"):
        fetcher.save(to=file)


def test_what_is_written_there_by_somebody_else_is_noticed_and_mended(fetcher: Fetcher):
    """The file on the disk is what is verified, not what was received."""

    def damage(asked: Asked) -> None:
        [part] = fetcher.left()
        with part.open("r+b") as file:
            file.seek(7)
            file.write(b"damage")

    fetcher.server.answers(BYTES, *[lambda asked: None] * 3, damage)
    assert fetcher.save(max_concurrency=1).verified
    assert fetcher.target.read_bytes() == CONTENT
    starts = [asked.range[0] for asked in fetcher.server.matching(BYTES) if asked.range]
    assert sorted(starts) == [0, 0, *range(RANGE, len(CONTENT), RANGE)]


def test_a_file_in_the_place_of_our_own_is_not_taken_for_it(fetcher: Fetcher):
    def swap(asked: Asked) -> None:
        [part] = fetcher.left()
        part.unlink()
        part.write_bytes(b"somebody else's")

    fetcher.server.answers(BYTES, lambda asked: None, swap)
    with pytest.raises(errors.CorruptedError, match="in the place of"):
        fetcher.save()
    assert not fetcher.target.exists()
    assert [path.read_bytes() for path in fetcher.left()] == [b"somebody else's"]
