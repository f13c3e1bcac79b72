"""Going on with an upload that was interrupted, on both drivers: what is sent, what is not, and why."""

import logging
from pathlib import Path
from typing import Any

import httpx2
import pytest

from heavylift.client import errors, journal
from heavylift.client.progress import Progress
from heavylift.client.retries import RetryConfig
from heavylift.client.stories.upload import resume_upload, upload_file
from tests.client.rig import Rig
from tests.client.scripted import Scripted
from tests.client.story import CONTENT, PART, PARTS, Upload, journals, nth, stored


class Stop(BaseException):
    """Stands for Ctrl-C: no Exception, and raised in the middle."""


def interrupted(upload: Upload, after: int, **changes: Any) -> None:
    """Run until so many parts are done, then stop as Ctrl-C does."""

    def stop(progress: Progress) -> None:
        if progress.parts_done >= after:
            raise Stop

    with pytest.raises(Stop):
        upload(on_progress=stop, max_concurrency=1, **changes)


def test_ctrl_c_and_the_same_call_again_sends_only_what_is_missing(upload: Upload, server: Scripted):
    interrupted(upload, 6)
    there = server.count("POST /uploads/.*/parts")
    upload()
    assert stored(server) == CONTENT
    assert server.count("POST /uploads/.*/parts") == PARTS
    assert there == 6
    assert server.count("POST /uploads") == 1


def test_without_extensions_the_journal_tells_what_has_arrived(upload: Upload, server: Scripted):
    server.extensions = False
    interrupted(upload, 6)
    upload()
    assert stored(server) == CONTENT
    assert server.count("POST /uploads/.*/parts") == PARTS


def test_a_part_that_changed_meanwhile_is_sent_anew(upload: Upload, server: Scripted, path: Path):
    interrupted(upload, 6)
    path.write_bytes(b"!" + CONTENT[1:])
    upload()
    assert stored(server) == b"!" + CONTENT[1:]
    assert server.count("POST /uploads/.*/parts") == PARTS + 1


def test_parts_of_equal_content_are_told_apart(upload: Upload, server: Scripted, path: Path):
    path.write_bytes(b"0" * 5 * PART)
    interrupted(upload, 3)
    upload()
    assert stored(server) == b"0" * 5 * PART
    assert len(set(server.completions[-1]["part_ids"])) == 5
    assert server.count("POST /uploads/.*/parts") == 5


def test_a_file_of_another_size_starts_anew_and_says_so(
    upload: Upload, server: Scripted, path: Path, caplog: pytest.LogCaptureFixture
):
    interrupted(upload, 6)
    path.write_bytes(CONTENT + b"more")
    reports: list[Progress] = []
    upload(on_progress=reports.append)
    assert stored(server) == CONTENT + b"more"
    assert "starting anew" in reports[0].note
    assert "starting anew" in caplog.text


@pytest.mark.parametrize("extensions", [True, False])
@pytest.mark.parametrize("fate", ["cancelled", "expired", "gone"])
def test_an_upload_that_is_no_more_starts_anew_and_says_so(
    upload: Upload, server: Scripted, caplog: pytest.LogCaptureFixture, fate: str, *, extensions: bool
):
    server.extensions = extensions
    interrupted(upload, 6)
    if fate == "gone":
        server.uploads.clear()
    else:
        next(iter(server.uploads.values()))["status"] = fate
    upload()
    assert stored(server) == CONTENT
    assert "starting anew" in caplog.text
    assert server.count("POST /uploads") == 2


def test_an_upload_whose_completion_was_not_heard_of_is_not_sent_again(
    rig: Rig, upload: Upload, server: Scripted
):
    rig.set(retries=RetryConfig("none"))
    server.tamper = nth(1, "/complete", lambda: httpx2.Response(503))
    with pytest.raises(errors.ServerError):
        upload()
    upload_id = next(iter(server.uploads))
    server.uploads[upload_id] |= {"status": "completed", "file": server.keep(CONTENT)}
    server.asked.clear()
    assert upload().id == upload_id
    [file_id] = server.files
    assert server.asked == [f"GET /uploads/{upload_id}", f"GET /files/{file_id}"]
    assert journals(rig) == []


def test_a_completed_upload_of_other_content_is_not_taken_for_this_one(
    rig: Rig, upload: Upload, server: Scripted
):
    rig.set(retries=RetryConfig("none"))
    server.tamper = nth(1, "/complete", lambda: httpx2.Response(503))
    with pytest.raises(errors.ServerError):
        upload()
    upload_id = next(iter(server.uploads))
    server.uploads[upload_id] |= {"status": "completed", "file": server.keep(CONTENT[::-1])}
    assert upload().id != upload_id


@pytest.mark.parametrize("junk", [b"\0\xff garbage", b"{}\n", b"[1]\n", b'{"heavylift_journal": 99}\n', b""])
def test_a_broken_or_foreign_journal_is_ignored_with_a_warning(
    rig: Rig, upload: Upload, server: Scripted, caplog: pytest.LogCaptureFixture, junk: bytes
):
    interrupted(upload, 6)
    [journal] = journals(rig)
    journal.write_bytes(junk)
    upload()
    assert stored(server) == CONTENT
    assert server.count("POST /uploads") == 2
    assert bool(junk) == ("Ignoring the journal" in caplog.text)


def test_a_line_torn_by_a_crash_costs_one_part_at_most(rig: Rig, upload: Upload, server: Scripted):
    server.extensions = False
    interrupted(upload, 6)
    [journal] = journals(rig)
    journal.write_bytes(journal.read_bytes()[:-9])
    upload()
    assert stored(server) == CONTENT
    assert server.count("POST /uploads/.*/parts") == PARTS + 1


def test_no_key_is_in_the_journal(rig: Rig, upload: Upload, server: Scripted):
    interrupted(upload, 6)
    [journal] = journals(rig)
    assert b"sk-secret" not in journal.read_bytes()
    assert journal.stat().st_mode & 0o077 == 0


def test_a_state_folder_that_cannot_be_written_costs_the_journal_alone(
    rig: Rig,
    upload: Upload,
    server: Scripted,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(journal, "_told", set())  # what is warned of once, may have been in another test
    rig.folder.write_text("a file stands where the folder should be")
    upload()
    assert stored(server) == CONTENT
    assert "cannot be resumed" in caplog.text


def test_without_resume_no_journal_is_kept(rig: Rig, upload: Upload, server: Scripted):
    interrupted(upload, 6, resume=False)
    assert journals(rig) == []
    assert [one["status"] for one in server.uploads.values()] == ["cancelled"]


def test_another_machine_goes_on_from_what_the_server_tells(
    rig: Rig, upload: Upload, server: Scripted, tmp_path: Path
):
    interrupted(upload, 6)
    rig.set(state_folder=tmp_path / "another machine")
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(CONTENT)
    [upload_id] = server.uploads
    done = rig.run(resume_upload(upload_id=upload_id, file=copy))
    assert done.status == "completed"
    assert stored(server) == CONTENT
    assert server.count("POST /uploads/.*/parts") == PARTS


@pytest.mark.parametrize("known", [True, False])
def test_without_extensions_only_this_machine_can_go_on(
    rig: Rig, upload: Upload, server: Scripted, tmp_path: Path, path: Path, *, known: bool
):
    server.extensions = False
    interrupted(upload, 6)
    [upload_id] = server.uploads
    if known:
        rig.run(resume_upload(upload_id=upload_id, file=path))
        assert stored(server) == CONTENT
        assert server.count("POST /uploads/.*/parts") == PARTS
    else:
        rig.set(state_folder=tmp_path / "another machine")
        with pytest.raises(errors.ResumeError, match="upload_file"):
            rig.run(resume_upload(upload_id=upload_id, file=path))


def test_what_cannot_be_gone_on_with_says_why(rig: Rig, upload: Upload, server: Scripted, path: Path):
    interrupted(upload, 6)
    [upload_id] = server.uploads
    path.write_bytes(CONTENT + b"more")
    with pytest.raises(errors.ResumeError, match="10240 bytes, but the file has 10244"):
        rig.run(resume_upload(upload_id=upload_id, file=path))
    server.uploads[upload_id]["status"] = "expired"
    with pytest.raises(errors.ResumeError, match="expired"):
        rig.run(resume_upload(upload_id=upload_id, file=path))
    with pytest.raises(errors.ResumeError, match="There is no Upload upload_none"):
        rig.run(resume_upload(upload_id="upload_none", file=path))


@pytest.mark.usefixtures("server")
def test_two_runs_never_go_on_with_the_same_upload(
    rig: Rig, upload: Upload, path: Path, caplog: pytest.LogCaptureFixture
):
    """The second run begins while the first is in the middle."""
    caplog.set_level(logging.WARNING)
    second = Rig(driver="blocking", folder=rig.folder, handle=rig.handle)
    others: list[Any] = []

    def begin_another(progress: Progress) -> None:
        if progress.parts_done == 3 and not others:
            others.append(second.run(upload_file(file=path, purpose="batch", part_size=PART)))

    first = upload(on_progress=begin_another, max_concurrency=1)
    assert [other.id == first.id for other in others] == [False]
    assert "Another run" in caplog.text


def test_a_second_run_does_not_go_on_with_an_upload_that_a_first_one_goes_on_with(
    rig: Rig, upload: Upload, server: Scripted, path: Path
):
    """It would send all of it once more, and then find the Upload completed."""
    interrupted(upload, 6)
    [upload_id] = server.uploads
    second = Rig(driver="blocking", folder=rig.folder, handle=rig.handle)
    refused: list[str] = []

    def begin_another(progress: Progress) -> None:
        if progress.parts_done == 8 and not refused:
            with pytest.raises(errors.ResumeError) as caught:
                second.run(resume_upload(upload_id=upload_id, file=path))
            refused.append(str(caught.value))

    rig.run(resume_upload(upload_id=upload_id, file=path, max_concurrency=1, on_progress=begin_another))
    assert refused == [f"Another run is going on with {upload_id}. Wait for its end"]
    assert server.count("POST /uploads/.*/parts") == PARTS
    assert stored(server) == CONTENT
