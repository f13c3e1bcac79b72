"""Journals that are full, damaged, nested, absurd or no files at all cost a warning each."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heavylift.client import errors, journal, records
from heavylift.client.config import settle
from heavylift.client.retries import RetryConfig
from heavylift.client.stories.upload import resume_upload
from tests.client.rig import Rig, envelope
from tests.client.scripted import Scripted
from tests.client.story import CONTENT, PARTS, Upload, journals, stored
from tests.client.test_upload_resuming import interrupted

HEAD = {
    "heavylift_journal": 1, "kind": "upload", "upload_id": "upload_1", "server_url": "http://s", "owner": "",
    "path": "p", "size": len(CONTENT), "part_size": 1000,
}  # fmt: skip
PIECE = {"offset": 0, "length": 1000, "checksum": 5, "part_id": "part_2"}


def lines(head: Any, *pieces: Any) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in (head, *pieces))


ABSURD = {
    "nested": b"[" * 200_000 + b"\n",
    "nested head": b'{"heavylift_journal": 1, "kind": ' + b"[" * 200_000 + b"\n",
    "no part size": lines({**HEAD, "part_size": 0}),
    "huge part size": lines({**HEAD, "part_size": 2**40}),
    "negative size": lines({**HEAD, "size": -1}),
    "size of no integer": lines({**HEAD, "size": 1e300}),
    "another folder as id": lines({**HEAD, "upload_id": ".."}),
    "no id": lines({**HEAD, "upload_id": ""}),
    "long id": lines({**HEAD, "upload_id": "u" * 100_000}),
    "id of no text": lines({**HEAD, "upload_id": 5}),
    "half a surrogate": b'{"heavylift_journal": 1, "kind": "upload", "upload_id": "\\ud800"}\n',
    "another kind": lines({**HEAD, "kind": "download"}),
    "binary": bytes(range(256)),
    "no object": lines(7),
}


@pytest.mark.parametrize("junk", ABSURD.values(), ids=ABSURD)
def test_an_absurd_head_costs_a_warning(
    rig: Rig, upload: Upload, server: Scripted, caplog: pytest.LogCaptureFixture, junk: bytes
) -> None:
    interrupted(upload, 6)
    [path] = journals(rig)
    path.write_bytes(junk)
    upload()
    assert CONTENT in [content for _, content in server.files.values()]
    assert "Ignoring the journal" in caplog.text
    assert journals(rig) == []


ODD_PIECES: list[Any] = [
    {**PIECE, "offset": -1}, {**PIECE, "length": -5}, {**PIECE, "checksum": 2**64}, {**PIECE, "checksum": -1},
    {**PIECE, "offset": 2**70}, {**PIECE, "part_id": "p" * 5000}, {**PIECE, "length": "1000"}, {}, [], None,
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD_PIECES, ids=lambda odd: str(odd)[:60])
def test_one_odd_line_costs_what_it_tells_of(
    rig: Rig, upload: Upload, server: Scripted, caplog: pytest.LogCaptureFixture, odd: Any
) -> None:
    server.extensions = False
    interrupted(upload, 6)
    [path] = journals(rig)
    path.write_bytes(path.read_bytes() + lines(odd))
    upload()
    assert stored(server) == CONTENT
    assert len(server.parts) == PARTS
    assert "Ignoring 1 lines of the journal" in caplog.text


def test_a_part_size_that_no_upload_has_room_for_is_not_gone_on_with(
    rig: Rig, upload: Upload, server: Scripted
) -> None:
    interrupted(upload, 6)
    [path] = journals(rig)
    head, *pieces = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines({**json.loads(head), "part_size": 1}) + b"".join(pieces))
    upload()
    assert stored(server) == CONTENT
    assert len(server.parts) == 7  # the rest in the size that fits
    assert server.count("POST /uploads") == 1


def as_pipe(path: Path) -> None:
    os.mkfifo(path)


def as_link(path: Path) -> None:
    path.with_name("mine").write_text("mine")
    path.symlink_to("mine")


def as_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def as_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("kind", [as_pipe, as_link, as_dangling_link, as_folder])
def test_what_is_no_regular_file_keeps_nobody_waiting(
    rig: Rig, upload: Upload, server: Scripted, kind: Callable[[Path], None]
) -> None:
    interrupted(upload, 6)
    [path] = journals(rig)
    path.unlink()
    kind(path)
    upload()
    [upload_id, *_] = server.uploads
    rig.run(resume_upload(upload_id=upload_id, file=path_of_content(rig)))
    assert CONTENT in [content for _, content in server.files.values()]
    if kind is as_link:
        assert path.with_name("mine").read_text() == "mine"


def path_of_content(rig: Rig) -> Path:
    path = rig.folder / "content"
    path.write_bytes(CONTENT)
    return path


def no_room(*args: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("when", ["replaced", "append"])
def test_a_home_folder_without_room_costs_the_journal_and_not_the_transfer(
    upload: Upload,
    server: Scripted,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    when: str,
) -> None:
    monkeypatch.setattr(records, when, no_room)
    upload()
    assert stored(server) == CONTENT
    assert caplog.text.count("cannot be kept any more (No space left on device)") == 1


def test_without_room_for_a_journal_a_failed_upload_is_cancelled_since_no_call_could_go_on(
    rig: Rig, upload: Upload, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "replaced", no_room)
    rig.set(retries=RetryConfig("none"))
    server.tamper = lambda line, request: envelope(503, "later") if "/parts" in line else None
    with pytest.raises(errors.ServerError) as caught:
        upload()
    assert "is cancelled" in caught.value.__notes__[0]
    assert journals(rig) == []


FULL = """
import resource, signal, sys
from pathlib import Path
from heavylift.client.journal import PieceDone, open_record
from pydantic import BaseModel

class Head(BaseModel):
    upload_id: str

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
record = open_record(Path(sys.argv[1]), "one.jsonl")
record.begin(Head(upload_id="upload_1"))
for number in range(100):
    record.add(PieceDone(offset=number, length=1, checksum=number))
record.close()
record = open_record(Path(sys.argv[1]), "one.jsonl")
head, pieces = record.read(Head)
print(head.upload_id, 5 < len(pieces) < 30)
"""


def test_a_disk_that_is_really_full_leaves_whole_lines(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "upload_1 True\n"
    assert done.stderr.count("cannot be kept any more") == 1


HOMELESS = """
import os
from heavylift import Heavylift
from heavylift.client.journal import open_record
os.setuid(54321)  # nobody's number: neither a name nor a home folder
client = Heavylift(server_url="http://127.0.0.1:9/v1", api_key="x")
folder = client.driver.setting.state_folder / "transfers"
print(open_record(folder, "a.jsonl"), open_record(folder, "b.jsonl"))
print(sorted(os.listdir()))
"""


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may become nobody")
def test_without_home_and_name_there_is_no_journal_one_warning_and_no_exception(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    environment = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", HOMELESS], cwd=tmp_path, env=environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "None None\n[]\n", done.stderr
    assert done.stderr.count("cannot be resumed") == 1


def test_a_folder_that_was_given_stays_where_it_was_when_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    setting = settle(api_key="", state_folder="state", environment={})
    assert setting.state_folder == tmp_path / "state"


def test_a_record_that_is_too_long_to_be_one_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal, "MOST_BYTES", 1000)
    (tmp_path / "one.jsonl").write_bytes(lines(HEAD) + b"x" * 1000)
    record = journal.open_record(tmp_path, "one.jsonl")
    assert record is not None
    assert record.read(journal.PieceDone) is None
    record.close()
    assert "Ignoring the journal" in caplog.text


def test_a_new_beginning_is_locked_before_it_is_in_place(tmp_path: Path) -> None:
    record = journal.open_record(tmp_path, "one.jsonl")
    assert record is not None
    for number in range(3):
        record.begin(journal.PieceDone(offset=number, length=1, checksum=0))
        assert journal.open_record(tmp_path, "one.jsonl") is None
    record.close()
    again = journal.open_record(tmp_path, "one.jsonl")
    assert again is not None
    again.close()
    assert os.listdir(tmp_path) == ["one.jsonl"]
