"""What an interrupted download has left is known by the journal; only what is wrong is fetched again."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from heavylift import RequestOptions, errors
from heavylift.client.disk.unfinished import Known, Unfinished
from heavylift.client.sources import BLOCK
from tests.client.fetching import BYTES, CONTENT, RANGE, Fetcher
from tests.support.stand_in import stand_in_server

RANGES = 6
DONE = 3


@pytest.fixture
def part(fetcher: Fetcher) -> Path:
    """The file of a download that was interrupted after three ranges."""
    fetcher.fail_after(DONE)
    with pytest.raises(errors.BadRequestError):
        fetcher.save(max_concurrency=1)
    fetcher.mend()
    [left] = fetcher.left()
    return left


def journal(fetcher: Fetcher) -> Path:
    [path] = (fetcher.folder.parent / "state" / "transfers").iterdir()
    return path


def gone_on(fetcher: Fetcher, *, kept: int) -> None:
    """The same call ends well, asks for nothing that it has, and leaves nothing behind of its own."""
    done = fetcher.save()
    assert done.verified
    assert fetcher.target.read_bytes() == CONTENT
    assert done.resumed_bytes == kept * RANGE
    assert fetcher.server.count(BYTES) == RANGES - kept
    assert list((fetcher.folder.parent / "state" / "transfers").iterdir()) == []


def test_what_is_there_is_not_asked_for_again(fetcher: Fetcher, part: Path):
    gone_on(fetcher, kept=DONE)
    assert fetcher.left() == []


def test_another_server_of_one_call_has_a_journal_of_its_own(fetcher: Fetcher, part: Path):
    with stand_in_server() as other:
        elsewhere = RequestOptions(server_url=other.url)
        other.files["file-1"] = ({"id": "file-1", "bytes": 3, "filename": "a"}, b"abc")
        other.extensions = True
        assert fetcher.save(options=elsewhere).bytes == 3
    fetcher.target.unlink()
    gone_on(fetcher, kept=DONE)


def test_a_damaged_file_costs_what_is_damaged(fetcher: Fetcher, part: Path):
    with part.open("r+b") as file:
        file.seek(RANGE + 5)
        file.write(b"damage")
    gone_on(fetcher, kept=DONE - 1)


def test_a_shortened_file_costs_what_is_missing(fetcher: Fetcher, part: Path):
    os.truncate(part, RANGE + 1)
    gone_on(fetcher, kept=1)


def test_a_file_that_grew_is_as_long_as_it_should_be(fetcher: Fetcher, part: Path):
    with part.open("ab") as file:
        file.write(b"more")
    gone_on(fetcher, kept=DONE)


def copied(part: Path) -> None:
    """The same bytes, but not the file that the download made."""
    content = part.read_bytes()
    part.rename(part.with_suffix(".aside"))
    part.write_bytes(content)


def linked(part: Path) -> None:
    os.link(part, part.with_suffix(".second"))


def led_elsewhere(part: Path) -> None:
    part.rename(part.with_suffix(".real"))
    part.symlink_to(part.with_suffix(".real"))


def piped(part: Path) -> None:
    part.unlink()
    os.mkfifo(part)


def made_a_folder(part: Path) -> None:
    part.unlink()
    part.mkdir()


@pytest.mark.parametrize("change", [copied, linked, led_elsewhere, piped, made_a_folder, Path.unlink])
def test_what_is_not_our_own_file_is_left_alone(fetcher: Fetcher, part: Path, change: Callable[[Path], None]):
    change(part)
    before = {path: path.lstat() for path in fetcher.left()}
    contents = {path: path.read_bytes() for path in fetcher.left() if path.is_file()}
    gone_on(fetcher, kept=0)
    after = {path: path.lstat() for path in fetcher.left()}
    assert {path: (found.st_ino, found.st_mode) for path, found in after.items()} == {
        path: (found.st_ino, found.st_mode) for path, found in before.items()
    }
    assert {path: path.read_bytes() for path in contents} == contents


@pytest.mark.parametrize("name", ["../victim", "/etc/hostname", "victim", "heavylift-.part", ""])
def test_a_journal_that_names_another_file_is_not_followed(fetcher: Fetcher, part: Path, name: str):
    victim = fetcher.folder / "victim"
    victim.write_bytes(b"precious")
    facts = victim.stat()
    head, *rest = journal(fetcher).read_text().splitlines()
    said = json.loads(head)
    said["file"] = {"name": name, "device": facts.st_dev, "inode": facts.st_ino}
    journal(fetcher).write_text("\n".join([json.dumps(said), *rest, ""]))
    assert fetcher.save().verified
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("piece", [{"offset": -5}, {"length": 0}, {"offset": RANGE + 1}, {"offset": 10**18}])
def test_pieces_that_cannot_be_are_passed_over(fetcher: Fetcher, part: Path, piece: dict[str, int]):
    lines = journal(fetcher).read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), **piece})
    journal(fetcher).write_text("\n".join([*lines, ""]))
    assert fetcher.save().verified
    assert fetcher.target.read_bytes() == CONTENT


def test_a_file_that_is_another_one_now_costs_one_range_more(fetcher: Fetcher, part: Path):
    fetcher.content(CONTENT[::-1])
    done = fetcher.save()
    assert (done.verified, done.resumed_bytes) == (True, 0)
    assert fetcher.target.read_bytes() == CONTENT[::-1]
    assert fetcher.server.count(BYTES) == RANGES + 1
    assert fetcher.left() == []


def test_a_server_that_knows_no_ranges_any_more_sends_all_of_it(fetcher: Fetcher, part: Path):
    fetcher.server.extensions = False
    assert fetcher.save().verified
    assert fetcher.target.read_bytes() == CONTENT


def test_another_target_has_a_journal_of_its_own(fetcher: Fetcher, part: Path):
    assert fetcher.save(to=fetcher.folder / "elsewhere").resumed_bytes == 0
    assert part.exists()


def test_reading_what_is_there_ends_within_a_block(tmp_path: Path):
    """After two looks the third says that it was given up."""
    file = Unfinished.made_in(tmp_path, Known.to_be_made())
    file.resize(10 * BLOCK)
    looks = iter([False, False, True])
    with pytest.raises(errors.RequestAbortedError):
        file.checksum(0, 10 * BLOCK, lambda: next(looks))
    assert next(looks, None) is None
    file.remove()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_once_it_is_over(tmp_path: Path):
    """A thread that a dead server has held comes late."""
    file = Unfinished.made_in(tmp_path, Known.to_be_made())
    file.close()
    with pytest.raises(errors.RequestAbortedError):
        file.write(0, b"late")
    assert file.path.stat().st_size == 0


def test_a_file_is_found_again_only_by_all_that_is_known_of_it(tmp_path: Path):
    file = Unfinished.made_in(tmp_path, Known.to_be_made())
    known = file.known
    file.close()
    for wrong in (
        Known(name=known.name, device=known.device, inode=known.inode + 1),
        Known(name=known.name, device=known.device + 1, inode=known.inode),
        Known(name="heavylift-000000000000.part", device=known.device, inode=known.inode),
    ):
        assert Unfinished.found_in(tmp_path, wrong) is None
    again = Unfinished.found_in(tmp_path, known)
    assert again is not None
    again.remove()
