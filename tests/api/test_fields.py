"""The headers of form fields, as clients write them and as nobody should."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heavylift.api.fields import boundary_of, field_of
from heavylift.api.formreader import FormReader
from heavylift.domain.errors import MalformedBody
from tests.api.formbodies import BOUNDARY, FILE, LIMITS, form, read


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        ('form-data; name="data"', "data", None),
        ("form-data;name=data;filename=a.txt", "data", "a.txt"),
        ('FORM-DATA; NAME="data" ; FileName="a b.txt";', "data", "a b.txt"),
        ('form-data; name="data"; filename="naïve – 漢字.txt"', "data", "naïve – 漢字.txt"),
        ('form-data; name="data"; filename="a%22b%0D%0Ac.txt"', "data", 'a"b\r\nc.txt'),
        ('form-data; name="data"; filename="100%25.txt"', "data", "100%25.txt"),
        (r'form-data; name="data"; filename="a\"b\\c.txt"', "data", 'a"b\\c.txt'),
        (r'form-data; name="data"; filename="C:\Users\a.txt"', "data", r"C:\Users\a.txt"),
        ('form-data; name="data"; filename="a; name=evil.txt"', "data", "a; name=evil.txt"),
        ('form-data; name="data"; filename=""', "data", ""),
        ("form-data; name=data; filename*=UTF-8''na%C3%AFve%20%22.txt", "data", 'naïve ".txt'),
        ("form-data; name=data; filename=\"plain\"; filename*=utf-8'en'rich", "data", "rich"),
        ("form-data; name=data; filename*=ISO-8859-1''na%EFve", "data", "naïve"),
    ],
)
def test_names_are_read_as_clients_write_them(disposition: str, name: str, filename: str | None) -> None:
    [(field, _)] = read([form((f"Content-Disposition: {disposition}".encode(), b""))])
    assert (field.name, field.filename) == (name, filename)


def test_the_headers_of_a_field_are_kept_in_lower_case() -> None:
    [(field, _)] = read([form((FILE + b"\r\nContent-MD5:  abc== \t\r\nX-Empty:", b""))])
    assert field.content_type == "application/octet-stream"
    assert field.headers[2:] == (("content-md5", "abc=="), ("x-empty", ""))


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (b"Content-Type: text/plain", "no Content-Disposition"),
        (b"", "no Content-Disposition"),
        (FILE + b"\r\n" + FILE, "more than one Content-Disposition"),
        (FILE + b"\r\nContent-Type: text/plain", "more than one Content-Type"),
        (b"Content-Disposition: form-data", "no name"),
        (b'Content-Disposition: form-data; name=""', "no name"),
        (b'Content-Disposition: form-data; filename="a"', "no name"),
        (b'Content-Disposition: attachment; name="data"', "form-data"),
        (b"Content-Disposition: form-data; name=data; name=data", "twice"),
        (b'Content-Disposition: form-data; name="data', "malformed parameter"),
        (b'Content-Disposition: form-data; name="data"x', "malformed parameter"),
        (b"Content-Disposition: form-data; name", "malformed parameter"),
        (b"Content-Disposition: form-data; name=d; filename*=UTF-8''%zz", "filename"),
        (b"Content-Disposition: form-data; name=d; filename*=UTF-8''%ff", "character set"),
        (b"Content-Disposition: form-data; name=d; filename*=KOI8-R''a", "filename"),
        (FILE + b"\xff", "UTF-8"),
        (FILE + b"\r\nno colon", "header line"),
        (FILE + b"\r\nblank : x", "header line"),
        (FILE + b"\r\nX: a\nY: b", "header line"),
        (FILE + b"\r\nX: a\rb", "header line"),
        (FILE + b"\r\nX: a\x00b", "header line"),
        (FILE + b"\r\nContent-Transfer-Encoding: base64", "base64"),
        (FILE + b"\r\nA: b" * 40, "more than 32"),
        (FILE + b"\r\nA: " + b"b" * LIMITS.field_bytes, "longer than"),
    ],
)
def test_a_malformed_field_is_refused_with_its_reason(headers: bytes, reason: str) -> None:
    with pytest.raises(MalformedBody, match=reason) as refusal:
        read([form((headers, b"x"))])
    assert refusal.value.param == "data"


@pytest.mark.parametrize("encoding", [b"binary", b"8bit", b"7BIT"])
def test_encodings_that_change_nothing_are_taken(encoding: bytes) -> None:
    assert read([form((FILE + b"\r\nContent-Transfer-Encoding: " + encoding, b"x"))])[0][1] == b"x"


def test_endless_headers_are_refused_before_they_end() -> None:
    reader = FormReader(BOUNDARY, limits=LIMITS)
    reader.feed(b"--" + BOUNDARY + b"\r\n")
    endless = (reader.feed(b"A: bbbb\r\n" * 100) for _ in range(LIMITS.field_bytes // 900 + 1))
    with pytest.raises(MalformedBody, match="longer than"):
        list(endless)


# the boundary


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=utf-8; Boundary="a b:c"', b"a b:c"),
        ("multipart/form-data;boundary=----=_Part/1:2", b"----=_Part/1:2"),
        (f"multipart/form-data; boundary={'x' * 70}", b"x" * 70),
    ],
)
def test_the_boundary_is_found(content_type: str, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "multipart/mixed; boundary=abc",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        'multipart/form-data; boundary="abc',
        'multipart/form-data; boundary="abc "',
        'multipart/form-data; boundary="a%0D%0Ab"',
        "multipart/form-data; boundary=grün",
        "multipart/form-data; boundary=a; boundary=b",
        f"multipart/form-data; boundary={'x' * 71}",
    ],
)
def test_no_boundary_no_form(content_type: str) -> None:
    with pytest.raises(MalformedBody) as refusal:
        boundary_of(content_type, param="file")
    assert refusal.value.param == "file"


@given(st.text(max_size=80), st.binary(max_size=80))
def test_any_content_type_and_any_header_block_is_read_or_refused(content_type: str, headers: bytes) -> None:
    for value in (content_type, f"multipart/form-data;{content_type}"):
        with suppress(MalformedBody):
            assert 1 <= len(boundary_of(value)) <= 70
    with suppress(MalformedBody):
        fields = read([form((b"Content-Disposition: form-data; name=data;" + headers, b""))])
        assert fields[0][0].name == "data"


def test_a_folded_line_is_one_line() -> None:
    folded = b'Content-Disposition: form-data;\r\n name="data";\r\n\t filename="a b"\r\nX: 1\r\n  2'
    field = field_of(folded, param="data")
    assert (field.name, field.filename) == ("data", "a b")
    assert dict(field.headers)["x"] == "1 2"


WHATEVER = {
    "a quote that does not end": b'filename="a',
    "quotes within": b'filename="a"b".bin"',
    "latin-1": 'filename="na\u00efve"'.encode("latin-1"),
    "two of them": b'filename="a"; filename="b"',
    "a wrong filename*": b"filename*=utf-8'%%%; filename*=x",
    "an unknown character set": b"filename*=koi8-r''%C1",
    "nothing": b"filename=",
    "a path": b'filename="../../etc/passwd"',
    "a control": b'filename="a\x85b"',
}


@pytest.mark.parametrize("filename", WHATEVER.values(), ids=WHATEVER)
def test_a_parts_file_name_means_nothing_whatever_it_is(filename: bytes) -> None:
    block = b'Content-Disposition: form-data; name="data"; ' + filename + b"\r\nContent-Type: text/plain"
    field = field_of(block, param="data", named=False)
    assert (field.name, field.content_type) == ("data", "text/plain")


@pytest.mark.parametrize("named", [True, False])
def test_a_field_that_is_taken_apart_for_long_is_refused(named: bool) -> None:
    many = b"".join(b"; a%d=1" % number for number in range(5000))
    with pytest.raises(MalformedBody, match="more than 16 parameters"):
        field_of(b'Content-Disposition: form-data; name="data"' + many, param="data", named=named)
    with pytest.raises(MalformedBody, match="more than 16 parameters"):
        boundary_of("multipart/form-data" + many.decode())
