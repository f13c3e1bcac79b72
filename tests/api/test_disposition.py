"""Content-Disposition of downloads: every name arrives, and none breaks out of the header."""

import re
from email.message import EmailMessage
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heavylift.api.disposition import attachment

GRAMMAR = re.compile(
    r"""attachment; filename="([^"\\%]*)"(?:; filename\*=UTF-8''"""
    r"""((?:[!#$&+.^_`|~0-9A-Za-z-]|%[0-9A-F]{2})+))?\Z"""
)


def named(header: str) -> str:
    """The name that a client which knows RFC 6266 takes: the extended one, where there is one."""
    match = GRAMMAR.match(header)
    assert match is not None
    plain, extended = match.groups()
    return plain if extended is None else unquote(extended, errors="strict")


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("a b-1.txt", 'attachment; filename="a b-1.txt"'),
        ("train/de/a.txt", 'attachment; filename="a.txt"'),
        ("naïve.txt", "attachment; filename=\"na_ve.txt\"; filename*=UTF-8''na%C3%AFve.txt"),
        ('"; x="', "attachment; filename=\"_; x=_\"; filename*=UTF-8''%22%3B%20x%3D%22"),
        ("50%20.txt", "attachment; filename=\"50_20.txt\"; filename*=UTF-8''50%2520.txt"),
        (
            "a\r\nSet-Cookie: b",
            "attachment; filename=\"a__Set-Cookie: b\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b",
        ),
        ("it's.txt", 'attachment; filename="it\'s.txt"'),
    ],
)
def test_names_are_written_as_the_standards_want(filename: str, header: str) -> None:
    assert attachment(filename) == header


@given(st.text(min_size=1))
@example('a"b\\c%22\x00\x7f\r\n.txt')
@example("漢字 ' (1).txt")
def test_every_name_survives_and_none_breaks_out(filename: str) -> None:
    header = attachment(filename)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert named(header) == filename.rpartition("/")[2]


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1))
def test_the_standard_library_reads_the_same_extended_name(filename: str) -> None:
    filename = filename.replace("/", "_")  # of a path the last step is told
    message = EmailMessage()
    message["Content-Disposition"] = re.sub(r' filename="[^"]*";', "", attachment(f"é{filename}é"))
    assert message.get_filename() == f"é{filename}é"  # which strips blanks at both ends


def test_a_name_that_is_no_unicode_is_still_sent() -> None:
    assert named(attachment("a\udcff.txt")) == "a?.txt"
