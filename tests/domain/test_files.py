"""Files as extents, file names, lifetimes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heavylift.domain import checksums
from heavylift.domain.errors import InvalidRequest
from heavylift.domain.files import (
    WHOLE,
    Extent,
    File,
    Span,
    check_lifetime,
    checksum_of,
    clean_filename,
    lifetime,
    touched,
)
from heavylift.domain.limits import Limits
from heavylift.domain.purposes import PURPOSES

LIMITS = Limits()


def extents_of(pieces: list[bytes]) -> list[Extent]:
    return [
        Extent(blob=str(number), bytes=len(piece), checksum=checksums.extend(0, piece))
        for number, piece in enumerate(pieces)
    ]


PIECES = st.lists(st.binary(max_size=12), max_size=6)


@given(PIECES, st.integers(0, 80), st.none() | st.integers(0, 80))
def test_what_a_span_touches_is_what_slicing_gives(pieces: list[bytes], start: int, stop: int | None) -> None:
    found = b""
    for extent, part in touched(extents_of(pieces), Span(start, stop)):
        piece = pieces[int(extent.blob)]
        assert part.stop is not None
        assert 0 <= part.start < part.stop <= len(piece)  # never an empty read
        found += piece[part.start : part.stop]
    assert found == b"".join(pieces)[start:stop]


@given(PIECES)
def test_the_whole_touches_every_blob_that_holds_a_byte_once_and_in_order(pieces: list[bytes]) -> None:
    blobs = [int(extent.blob) for extent, _ in touched(extents_of(pieces), WHOLE)]
    assert blobs == [number for number, piece in enumerate(pieces) if piece]


@given(PIECES, st.integers(0, 9), st.integers(0, 9))
def test_extents_from_the_middle_on_give_the_same_places(pieces: list[bytes], left: int, start: int) -> None:
    extents, span = extents_of(pieces), Span(start)
    begin = sum(extent.bytes for extent in extents[:left])
    late = [place for place in touched(extents, span) if place[0] in extents[left:]]
    assert list(touched(extents[left:], span, begin=begin)) == late


@given(PIECES)
def test_a_files_checksum_follows_from_its_extents(pieces: list[bytes]) -> None:
    assert checksum_of(extents_of(pieces)) == checksums.extend(0, b"".join(pieces))


def make_file(expires_at: int | None) -> File:
    return File(
        id="file-x",
        project="p",
        filename="a",
        purpose="user_data",
        bytes=1,
        checksum=0,
        created_at=10,
        expires_at=expires_at,
    )


def test_a_file_expires_at_its_second_and_not_before() -> None:
    assert not make_file(100).expired_at(99.999)
    assert make_file(100).expired_at(100)
    assert make_file(100).expired_at(101)
    assert not make_file(None).expired_at(10**12)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a.jsonl", "a.jsonl"),
        ("../../x.jsonl", "x.jsonl"),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\me\\report.pdf", "report.pdf"),
        ("..\\..\\x.txt", "x.txt"),
        ("a/b\\c/d.txt", "d.txt"),
        ('naïve "quoted" 日本語 🎉.txt', 'naïve "quoted" 日本語 🎉.txt'),
        (" leading and trailing ", " leading and trailing "),
        (".bashrc", ".bashrc"),
        ("...", "..."),
        ("%2e%2e%2fx", "%2e%2e%2fx"),
        ("a" * 255, "a" * 255),
        ("train/de/a.txt", "train/de/a.txt"),
        ("train/./a.txt", "a.txt"),
        ("train//a.txt", "a.txt"),
        ("C:/a/a.txt", "a.txt"),
        ("a/b/../c.txt", "c.txt"),
        ("very/long/" * 100 + "a.txt", "a.txt"),
        ("con", "con"),
        ("a;b&c=d", "a;b&c=d"),
    ],
)
def test_a_name_keeps_everything_but_a_path_that_leads_elsewhere(sent: str, kept: str) -> None:
    assert clean_filename(sent, LIMITS) == kept


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("", "empty"),
        (".", "empty"),
        ("..", "empty"),
        ("a/", "empty"),
        ("a/..", "empty"),
        ("\\", "empty"),
        ("a" * 256, "256 characters long; the most is 255"),
        ("a\nb", "control"),
        ("a\r\nSet-Cookie: x", "control"),
        ("a\x00.txt", "control"),
        ("a\x7f", "control"),
        ("a\x85b", "control"),
        ("invoice\u202egpj.exe", "control"),
        ("a\u2066b\u2069", "control"),
        ("a\u2028b", "control"),
        ("a\x1b[31m", "control"),
        ("a\ud800.txt", "Unicode"),
        ("\udfff", "Unicode"),
    ],
)
def test_a_name_that_cannot_be_kept_is_refused(sent: str, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why) as refused:
        clean_filename(sent, LIMITS)
    assert refused.value.param == "filename"


def test_the_refusal_of_a_name_names_the_field_it_came_in() -> None:
    with pytest.raises(InvalidRequest) as refused:
        clean_filename("", LIMITS, param="file")
    assert refused.value.param == "file"


@given(st.text(max_size=300))
def test_no_kept_name_leads_elsewhere_or_cannot_be_encoded(sent: str) -> None:
    try:
        kept = clean_filename(sent, LIMITS)
    except InvalidRequest:
        return
    assert kept
    assert kept not in (".", "..")
    assert not set(kept) & set("\\\x00\r\n")
    assert not {"", ".", ".."} & set(kept.split("/"))
    kept.encode()
    assert sent.endswith(kept)
    assert clean_filename(kept, LIMITS) == kept


def test_a_lifetime_is_as_chosen_else_the_purposes_else_for_good() -> None:
    assert lifetime(4000, PURPOSES["batch"]) == 4000
    assert lifetime(None, PURPOSES["batch"]) == 30 * 86400
    assert lifetime(None, PURPOSES["user_data"]) is None


@pytest.mark.parametrize("seconds", [3600, 3601, 2_592_000])
def test_a_lifetime_within_the_range_is_fine(seconds: int) -> None:
    check_lifetime(seconds, LIMITS)


@pytest.mark.parametrize("seconds", [-1, 0, 3599, 2_592_001, 10**30])
def test_a_lifetime_outside_the_range_is_refused_with_the_range(seconds: int) -> None:
    with pytest.raises(InvalidRequest, match=f"{seconds}.* 3600 and 2592000") as refused:
        check_lifetime(seconds, LIMITS)
    assert refused.value.param == "expires_after.seconds"
