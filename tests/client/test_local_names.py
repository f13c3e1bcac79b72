"""A server's file name becomes a local one that can do no harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heavylift.client.disk.names import local_name

NAMES = [
    ("report.pdf", "report.pdf"),
    ("Übersicht 2026 (neu).csv", "Übersicht 2026 (neu).csv"),
    ("../../x", "x"),
    ("/etc/passwd", "passwd"),
    ("a\\..\\b.txt", "b.txt"),
    (".bash_profile", "_bash_profile"),
    ("...x", "___x"),
    ("--force", "__force"),
    ("-.x", "__x"),
    ("C:evil.txt", "C_evil.txt"),
    ("a.txt:stream", "a.txt_stream"),
    ("nul", "_nul"),
    ("COM1.log", "_COM1.log"),
    ("lpt¹", "_lpt¹"),
    ("CONIN$", "_CONIN$"),
    ("console.log", "console.log"),
    ("a\x1b[31mred\n.txt", "a_[31mred_.txt"),
    ("a\x9b31m\x00b", "a_31m_b"),
    ("photo\u202egpj.exe", "photo_gpj.exe"),
    ("a\u2028b\ud800c", "a_b_c"),
    ("ends in a dot.", "ends in a dot_"),
    ("ends in blanks  ", "ends in blanks__"),
]


@pytest.mark.parametrize(("shown", "name"), NAMES)
def test_what_is_dangerous_becomes_a_line(shown: str, name: str):
    assert local_name(shown, otherwise="file-1") == name


@pytest.mark.parametrize("shown", ["", ".", "..", "/", "a/..", "x/", "  ", "\\"])
def test_where_no_name_is_left_the_id_that_was_asked_for_stands_in(shown: str):
    assert local_name(shown, otherwise="file-1") == "file-1"
    assert local_name(shown, otherwise="../../evil") == "___.._evil"


@pytest.mark.parametrize(
    ("shown", "bytes"),
    [("n" * 300 + ".jsonl", 255), ("ö" * 200 + ".gz", 254), ("n" * 255, 255), ("é" * 300, 254)],
)
def test_too_long_a_name_keeps_its_ending_and_whole_characters(shown: str, bytes: int):
    name = local_name(shown, otherwise="file-1")
    assert len(name.encode()) in {bytes, bytes + 1}
    assert len(name.encode()) <= 255
    if "." in shown:
        assert name.endswith(shown[shown.rindex(".") :])


@given(st.text(alphabet=st.characters(), max_size=400), st.text(max_size=60))
def test_no_name_leads_anywhere(shown: str, otherwise: str):
    name = local_name(shown, otherwise=otherwise or "file-1")
    assert name not in {"", ".", ".."}
    assert not set(name) & {"/", "\\", ":", "\0", "\n", "\x1b", "\u202e"}
    assert name[0] not in ".-"
    assert len(name.encode()) <= 255
