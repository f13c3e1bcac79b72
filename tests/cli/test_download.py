"""`heavylift download` against a server that misbehaves: what it leaves on the disk, says, and exits with."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from heavylift.cli.streams import CLOSED
from tests.cli.typing_in import Desk, Terminal
from tests.support.answers import Answer, Asked, partial
from tests.support.stand_in import StandIn, keep, stand_in_server

CONTENT = bytes(range(250)) * 40
BYTES = r"GET /files/file-1/content"


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in_server() as stand_in:
        stand_in.extensions = True
        keep(stand_in, "kept.bin", "user_data", CONTENT)
        yield stand_in


@pytest.fixture
def at(server: StandIn, tmp_path: Path) -> Desk:
    return Desk(folder=tmp_path, variables={"HEAVYLIFT_BASE_URL": server.url, "HEAVYLIFT_API_KEY": "sk-x"})


def poured(desk: Desk) -> tuple[int, bytes, str]:
    """What `--to -` ends with, pours out, and says."""
    done = subprocess.run(
        [sys.executable, "-m", "heavylift.cli", "download", "file-1", "--to", "-"],
        cwd=desk.folder, env=desk.environment, capture_output=True, check=False, timeout=90,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr.decode()


def test_what_is_poured_out_is_all_of_it(at: Desk) -> None:
    assert poured(at) == (0, CONTENT, "")


@pytest.mark.parametrize(
    "lie",
    [
        Answer(body=CONTENT[:4000]),
        partial(CONTENT, 0, 4000),
        Answer(body=b"x" * len(CONTENT)),
        Answer(body=CONTENT + b"more"),
    ],
    ids=["short", "a range", "other bytes", "long"],
)
def test_what_is_poured_out_is_checked(at: Desk, server: StandIn, lie: Answer) -> None:
    server.answers(BYTES, lie, forever=True)
    status, _, said = poured(at)
    assert status == 1
    assert len(said.splitlines()) == 1
    assert said.startswith("heavylift: ")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("--to - >&-", 1, f"heavylift: {CLOSED}"),
        ("--to - >/dev/full", 1, "heavylift: No space left on device."),
        ("--to /dev/stdout | cat", 0, ""),
    ],
)
def test_standard_output_in_every_state(at: Desk, words: str, status: int, said: str) -> None:
    """Under its other name nothing but the File's bytes comes out of it."""
    done = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "{sys.executable}" -m heavylift.cli download file-1 {words}'],
        cwd=at.folder, env=at.environment, capture_output=True, check=False, timeout=90,
    )  # fmt: skip
    assert (done.returncode, done.stderr.decode().strip()) == (status, said)
    assert done.stdout == (b"" if status else CONTENT)


def test_a_pipe_is_written_into(at: Desk) -> None:
    pipe = at.folder / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        done = at.run("download", "file-1", "--to", "pipe")
        assert reader.stdout is not None
        assert reader.stdout.read() == CONTENT
    assert (done.status, done.err) == (0, "")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_what_cannot_become_the_file_is_one_line(at: Desk, server: StandIn) -> None:
    (at.folder / "kept.bin").mkdir()
    said = {
        ".": "heavylift: kept.bin: there is a folder of this name.",
        "none/": "heavylift: none/: there is no such folder.",
        "n" * 256: f"heavylift: {'n' * 256}: the name is too long for this disk; give another one with --to.",
    }
    for to, line in said.items():
        done = at.run("download", "file-1", "--to", to)
        assert (done.status, done.err.splitlines()) == (1, [line])
    assert server.count(BYTES) == 0


def test_a_target_that_appears_meanwhile_is_left_without_force(at: Desk, server: StandIn) -> None:
    target = at.folder / "kept.bin"
    server.answers(BYTES, lambda asked: target.write_bytes(b"mine") and None)
    done = at.run("download", "file-1")
    assert done.status == 1
    assert "--force replaces it" in done.err
    assert target.read_bytes() == b"mine"
    assert at.run("download", "file-1", "--force").status == 0
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("shown", "name"),
    [(".bash_profile", "_bash_profile"), ("../../x", "x"), ("/etc/x", "x"), ("..", "file-1")],
)
def test_the_server_does_not_choose_the_path(at: Desk, server: StandIn, shown: str, name: str) -> None:
    server.files["file-1"][0].update(filename=shown, id="../evil")
    inside = at.folder / "inside"
    inside.mkdir()
    assert at.run("download", "file-1", "--to", "inside").status == 0
    assert (inside / name).read_bytes() == CONTENT
    assert [path.name for path in inside.iterdir()] == [name]
    assert {path.name for path in at.folder.iterdir()} <= {"inside", "state"}


def test_ctrl_c_among_several_files_keeps_what_has_come_and_the_same_command_goes_on(
    at: Desk, server: StandIn
) -> None:
    keep(server, "more.bin", "user_data", CONTENT)
    stalled, released = threading.Event(), threading.Event()

    def stall(asked: Asked) -> None:
        stalled.set()
        released.wait(60)

    server.answers(r"GET /files/file-2/content", stall)
    words = ("download", "--purpose", "user_data", "--to", "to", "--files", "1")
    with Terminal(at, words) as terminal:
        assert stalled.wait(60)
        terminal.until("1 of 2 files")
        terminal.press_ctrl_c()
        assert terminal.end() == 130
        released.set()  # not before: the second file might come first
    assert "interrupted: 1 fetched, 0 failed. The same command goes on." in terminal.plain
    done = at.run(*words)
    assert done.status == 0, done.err
    assert "1 fetched (9.8 KiB), 1 left out, 0 failed" in done.err
    assert {path.name: path.read_bytes() for path in (at.folder / "to").iterdir()} == {
        "kept.bin": CONTENT, "more.bin": CONTENT,
    }  # fmt: skip
