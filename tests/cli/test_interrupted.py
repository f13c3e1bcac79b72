"""Ctrl-C at every moment: one line that says what is true, and 130."""

import json
import signal
import subprocess
import sys
import threading

import pytest

from tests.cli.typing_in import SECONDS, Desk, Ended
from tests.support.stand_in import Handler, StandIn

WAKEFUL = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "os.execv(sys.executable, [sys.executable, '-m', 'heavylift.cli', *sys.argv[1:]])"
)
"""As from a shell. What that has put into the background would ignore Ctrl-C."""

AT_IMPORT = """
import os, signal, sys

class Early:
    def find_spec(self, name, path=None, target=None):
        if name == early:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
early, sys.argv = sys.argv[1], ["heavylift", *sys.argv[2:]]
sys.meta_path.insert(0, Early())
from heavylift.cli.start import main
main()
"""
"""Ctrl-C at the moment at which a module is looked for."""


class Held:
    """A stand-in that does not answer what matches, and tells when it was asked."""

    def __init__(self, stand_in: StandIn, *matching: str) -> None:
        self.reached = threading.Event()
        self._matching = matching
        self._stand_in = stand_in
        stand_in.faults.append(self)

    def __call__(self, handler: Handler) -> bool:
        if any(each in f"{handler.command} {handler.path}" for each in self._matching):
            self.reached.set()
            handler.close_connection = True
            return self._stand_in.released.wait()
        return False


def interrupted(desk: Desk, held: Held, *words: str, given: bytes | None = None) -> Ended:
    """A command that gets Ctrl-C when the server is at that point."""
    with subprocess.Popen(
        [sys.executable, "-c", WAKEFUL, *words],
        cwd=desk.folder,
        env=desk.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(given or b"")
        process.stdin.close()
        process.stdin = None
        assert held.reached.wait(SECONDS)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    return Ended(process.returncode, out.decode(), err.decode())


def refuse_cancel(handler: Handler) -> bool:
    if not handler.path.endswith("/cancel"):
        return False
    handler.refuse(503, "The server is about to stop.")
    return True


@pytest.mark.parametrize("names", [("big.jsonl",), ("big.jsonl", "next.jsonl")], ids=["one", "several"])
def test_no_keep_and_a_refused_cancel_says_so_among_several_files_too(
    plain_desk: Desk, stand_in: StandIn, names: tuple[str, ...]
) -> None:
    stand_in.faults.append(refuse_cancel)
    (plain_desk.folder / "next.jsonl").write_bytes(b"next")
    held = Held(stand_in, "/parts")
    cut = ("--part-size", "100K")
    done = interrupted(plain_desk, held, "upload", *names, *cut, "--no-keep")
    [upload_id] = stand_in.uploads
    assert done.status == 130
    [line] = done.err.splitlines()
    assert f"The upload {upload_id} could not be cancelled" in line
    assert "stays pending" in line
    assert stand_in.uploads[upload_id]["status"] == "pending"


def test_standard_input_whose_cancel_is_refused_is_not_called_cancelled(
    plain_desk: Desk, stand_in: StandIn
) -> None:
    stand_in.faults.append(refuse_cancel)
    done = interrupted(plain_desk, Held(stand_in, "/parts"), "upload", "-", "--filename", "f", given=b"x" * 9)
    [upload_id] = stand_in.uploads
    assert done.status == 130
    assert f"The upload {upload_id} could not be cancelled" in done.err
    assert "is cancelled" not in done.err


def test_standard_input_is_cancelled_and_said_to_be(plain_desk: Desk, stand_in: StandIn) -> None:
    done = interrupted(plain_desk, Held(stand_in, "/parts"), "upload", "-", "--filename", "f", given=b"x" * 9)
    [upload_id] = stand_in.uploads
    assert done.status == 130
    assert f"The upload {upload_id} is cancelled, and nothing of it is kept." in done.err
    assert stand_in.uploads[upload_id]["status"] == "cancelled"


def test_while_a_creation_is_on_its_way_nobody_says_that_nothing_was_sent(
    plain_desk: Desk, stand_in: StandIn
) -> None:
    done = interrupted(plain_desk, Held(stand_in, "POST /v1/uploads"), "upload", "big.jsonl")
    assert done.status == 130
    assert done.err == (
        "heavylift: interrupted. An upload may have been created that holds nothing: it expires by itself.\n"
    )


def test_what_is_kept_is_named(plain_desk: Desk, stand_in: StandIn) -> None:
    done = interrupted(plain_desk, Held(stand_in, "/parts"), "upload", "big.jsonl")
    [upload_id] = stand_in.uploads
    assert done.status == 130
    assert f"The same command goes on; `heavylift uploads cancel {upload_id}` gives it up." in done.err


@pytest.mark.parametrize("words", [("files", "list"), ("files", "delete", "file-1"), ("download", "file-1")])
def test_other_commands_end_in_one_line_too(
    plain_desk: Desk, stand_in: StandIn, words: tuple[str, ...]
) -> None:
    done = interrupted(plain_desk, Held(stand_in, "/files"), *words)
    assert done.status == 130
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("heavylift: interrupted")


@pytest.mark.parametrize("module", ["typer", "rich.progress", "httpx2", "heavylift.client.client"])
def test_ctrl_c_while_modules_are_imported_is_one_line(plain_desk: Desk, module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_IMPORT, module, "upload", "big.jsonl"],
        cwd=plain_desk.folder, env=plain_desk.environment, capture_output=True, text=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip
    assert done.returncode == 130, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("heavylift: interrupted")


def test_an_empty_file_is_refused_by_name_and_does_not_stop_the_others(desk: Desk) -> None:
    (desk.folder / "empty.jsonl").touch()
    done = desk.run("upload", "empty.jsonl", "big.jsonl", "/proc/self/status", "--json")
    assert done.status == 1
    told = [json.loads(line) for line in done.out.splitlines()]
    assert {each["filename"] for each in told if "file" in each} == {"big.jsonl", "status"}
    line, _ = done.err.splitlines()
    assert "empty.jsonl holds no bytes" in line
    assert "HEAVYLIFT_EMPTY_FILES=true" in line
