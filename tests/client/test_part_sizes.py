"""In what size the Parts of an Upload were cut that somebody else began: told, obeyed, or found out."""

from pathlib import Path
from typing import Any

import pytest

from heavylift.client import errors
from heavylift.client.operations.uploads import add_upload_part, create_upload
from heavylift.client.stories.layout import MIB, MOST_PARTS, guessed_part_size
from heavylift.client.stories.upload import resume_upload
from tests.client.rig import Rig, envelope
from tests.client.scripted import Scripted
from tests.client.story import CONTENT, PART, PARTS, stored


def begun(rig: Rig, *stretches: tuple[int, int]) -> str:
    """An Upload of the content that holds these stretches."""
    upload = rig.run(create_upload(filename="f", purpose="batch", bytes=len(CONTENT), mime_type="a/b"))
    for offset, length in stretches:
        rig.run(add_upload_part(upload_id=upload.id, data=CONTENT[offset : offset + length]))
    return str(upload.id)


def resumed(rig: Rig, upload_id: str, path: Path, **wishes: Any) -> Any:
    return rig.run(resume_upload(upload_id=upload_id, file=path, **wishes))


def test_a_lone_short_part_is_a_tail_and_no_size(rig: Rig, server: Scripted, path: Path) -> None:
    upload_id = begun(rig, (0, 1))
    assert resumed(rig, upload_id, path).status == "completed"
    assert stored(server) == CONTENT
    assert len(server.parts) == 2


def test_two_of_a_length_tell_the_size(rig: Rig, server: Scripted, path: Path) -> None:
    resumed(rig, begun(rig, (0, PART), (3 * PART, PART)), path)
    assert stored(server) == CONTENT
    assert len(server.parts) == PARTS


def test_one_and_its_tail_tell_the_size(rig: Rig, server: Scripted, path: Path) -> None:
    resumed(rig, begun(rig, (0, PART), (10 * PART, 240)), path)
    assert len(server.parts) == PARTS


def test_a_given_size_wins(rig: Rig, server: Scripted, path: Path) -> None:
    resumed(rig, begun(rig, (0, 2000)), path, part_size=2000)
    assert len(server.parts) == 6
    resumed(rig, begun(rig, (0, PART), (PART, PART)), path, part_size=5000)
    sizes = sorted(len(data) for _, data in list(server.parts.values())[6:])  # some go at once
    assert sizes == [240, PART, PART, 5000, 5000]


def test_a_given_size_wins_over_the_journals_too(rig: Rig, server: Scripted, path: Path) -> None:
    upload_id = begun(rig)
    server.tamper = lambda line, request: envelope(403, "Not now") if "/complete" in line else None
    with pytest.raises(errors.PermissionDeniedError):
        resumed(rig, upload_id, path, part_size=PART)
    server.tamper = lambda line, request: None
    resumed(rig, upload_id, path, part_size=len(CONTENT))
    assert [len(server.parts[each][1]) for each in server.completions[-1]["part_ids"]] == [len(CONTENT)]


def test_an_upload_that_has_no_room_for_the_parts_is_refused_and_kept(
    rig: Rig, server: Scripted, path: Path
) -> None:
    upload_id = begun(rig, (0, 1), (1, 1))
    before = len(server.asked)
    with pytest.raises(errors.ResumeError, match=f"of at most {MOST_PARTS}.*larger part_size"):
        resumed(rig, upload_id, path, part_size=1)
    assert not [line for line in server.asked[before:] if line.startswith("POST")]
    assert server.uploads[upload_id]["status"] == "pending"


def test_no_size_is_guessed_that_the_upload_has_no_room_for(rig: Rig, server: Scripted, path: Path) -> None:
    resumed(rig, begun(rig, (0, 1), (1, 1)), path)
    assert stored(server) == CONTENT
    assert len(server.parts) == 3


@pytest.mark.parametrize("refusal", [400, 404, 409, 413, 422])
def test_an_upload_begun_elsewhere_is_never_cancelled(
    rig: Rig, server: Scripted, path: Path, refusal: int
) -> None:
    upload_id = begun(rig, (0, PART), (PART, PART))
    server.tamper = lambda line, request: envelope(refusal, "No more") if "POST" in line else None
    with pytest.raises(errors.SDKError):
        resumed(rig, upload_id, path)
    assert server.count("POST /uploads/.*/cancel") == 0
    server.tamper = lambda line, request: None
    resumed(rig, upload_id, path)
    assert stored(server) == CONTENT


def test_it_is_cancelled_if_that_is_asked_for(rig: Rig, server: Scripted, path: Path) -> None:
    upload_id = begun(rig, (0, PART), (PART, PART))
    server.tamper = lambda line, request: envelope(400, "No more") if "/complete" in line else None
    with pytest.raises(errors.BadRequestError):
        resumed(rig, upload_id, path, on_failure="cancel")
    assert server.uploads[upload_id]["status"] == "cancelled"


@pytest.mark.parametrize(
    ("size", "lengths", "told"),
    [
        (100 * MIB, [], None),
        (100 * MIB, [1], None),
        (100 * MIB, [4 * MIB], None),
        (100 * MIB, [8 * MIB], 8 * MIB),
        (100 * MIB, [4 * MIB, 4 * MIB], 4 * MIB),
        (101 * MIB, [4 * MIB, MIB], 4 * MIB),
        (101 * MIB, [4 * MIB, 2 * MIB], None),
        (100 * MIB, [65 * MIB, 65 * MIB], None),
        (0, [], None),
    ],
)
def test_what_lengths_tell(size: int, lengths: list[int], told: int | None) -> None:
    assert guessed_part_size(size, lengths) == told
