"""The form reader against RFC 2046, against another parser, and against malice."""

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multipart import PushMultipartParser

from heavylift.api.formreader import FIELDS, FormReader
from heavylift.api.multipart import PartForm
from heavylift.domain.errors import MalformedBody
from tests.api.formbodies import BOUNDARY, DELIMITER, FILE, LIMITS, LOOK_ALIKES, form, read, text


def pieces_of(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    edges = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    return [body[start:stop] for start, stop in itertools.pairwise(edges)]


def by_reference(chunks: Iterable[bytes]) -> list[tuple[str, str | None, bytes]] | None:
    """The same by another parser; None if it refuses."""
    found: list[list] = []
    try:
        with PushMultipartParser(BOUNDARY, max_header_size=100_000) as parser:
            for chunk in chunks:
                for event in parser.parse(chunk):
                    if event is None:
                        continue
                    if isinstance(event, bytes | bytearray):
                        found[-1][2] += event
                    else:
                        found.append([event.name, event.filename, b""])
            parser.close()
    except ValueError:
        return None
    return [(name, filename, body) for name, filename, body in found]


payloads = st.lists(st.sampled_from(LOOK_ALIKES) | st.binary(max_size=40), max_size=12).map(b"".join)
names = st.text(
    st.characters(codec="utf-8", exclude_categories=("C",), exclude_characters='"\\%'), min_size=1
)


@given(
    fields=st.lists(st.tuples(names, st.none() | names, payloads), max_size=4),
    preamble=st.sampled_from([b"", b"\r\n", b"For old mail readers.\r\n", b"\r\n\r\n"]),
    epilogue=st.sampled_from([b"", b"\r\n", b"\r\nafterwards\r\n"]),
    cuts=st.lists(st.integers(0, 10_000), max_size=30),
)
def test_any_form_in_any_pieces_reads_as_another_parser_reads_it(fields, preamble, epilogue, cuts) -> None:
    body = form(
        *(
            (
                f'Content-Disposition: form-data; name="{name}"'.encode()
                + (f'; filename="{filename}"'.encode() if filename is not None else b""),
                payload,
            )
            for name, filename, payload in fields
        ),
        preamble=preamble,
        epilogue=epilogue,
    )
    chunks = pieces_of(body, cuts)
    reference = by_reference([body])
    if reference is None:  # a payload that held the whole delimiter
        assert any(DELIMITER in b"\r\n" + payload for _, _, payload in fields)
        with pytest.raises(MalformedBody):
            read(chunks)
        return
    assert [(field.name, field.filename, payload) for field, payload in read(chunks)] == reference


def bodies() -> list[tuple[bytes, bytes]]:
    tricky = [
        b"",
        b"\r\n",
        b"\r",
        b"--",
        DELIMITER[:-1],
        DELIMITER[:-1] + b"!",
        b"\r\n\r\n",
        b"\r\r\n--bound",
    ]
    tricky += [b"a" + DELIMITER[:-1] + DELIMITER[:5], b"--" + BOUNDARY[:-1], (b"\r\n--" * 4) + b"bound-"]
    return [(form((FILE, payload), preamble=b"p\r\n"), payload) for payload in tricky]


@pytest.mark.parametrize(("body", "payload"), bodies())
def test_a_cut_at_every_position_changes_nothing(body: bytes, payload: bytes) -> None:
    for cut in range(len(body) + 1):
        [(field, found)] = read([body[:cut], body[cut:]])
        assert (field.name, field.filename, found) == ("data", "upload", payload)


@pytest.mark.parametrize(("body", "payload"), bodies())
def test_one_byte_at_a_time_changes_nothing(body: bytes, payload: bytes) -> None:
    assert [found for _, found in read(body[at : at + 1] for at in range(len(body)))] == [payload]


def test_payload_is_handed_on_without_a_copy() -> None:
    chunk = bytearray(form((FILE, b"payload" * 100)))
    [view] = [
        event for event in FormReader(BOUNDARY, limits=LIMITS).feed(chunk) if isinstance(event, memoryview)
    ]
    assert view.obj is chunk


def test_a_memoryview_may_be_fed() -> None:
    body = form((FILE, b"payload"))
    part = PartForm(BOUNDARY, limits=LIMITS)
    assert b"".join(part.feed(memoryview(body))) == b"payload"
    part.finish()


@pytest.mark.parametrize("cut", range(len(form((FILE, b"pay\r\nload"), epilogue=b""))))
def test_a_form_that_ends_anywhere_before_its_end_is_malformed(cut: int) -> None:
    body = form((FILE, b"pay\r\nload"), epilogue=b"")
    with pytest.raises(MalformedBody, match="truncated"):
        read([body[:cut]])


# what stands around fields


def test_blanks_behind_a_boundary_are_passed_over() -> None:
    body = form((FILE, b"x")).replace(BOUNDARY + b"\r\n", BOUNDARY + b" \t \r\n")
    assert [found for _, found in read([body])] == [b"x"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (form((FILE, b"x"), preamble=b"p" * LIMITS.field_bytes + b"...\r\n"), "outside its fields"),
        (form((FILE, b"x"), epilogue=b"e" * (LIMITS.field_bytes + 1)), "outside its fields"),
        (form((FILE, b"x")).replace(BOUNDARY + b"\r\n", BOUNDARY + b" " * 300 + b"\r\n"), "blanks"),
        (form((FILE, b"x")).replace(BOUNDARY + b"\r\n", BOUNDARY + b"tail\r\n"), "something else"),
        (form((FILE, b"x")).replace(b"\r\n", b"\n"), "CR LF"),
        (form((FILE, b"x")).replace(BOUNDARY + b"\r\n", BOUNDARY + b"\n"), "CR LF"),
        (form((FILE, b"a" + DELIMITER + b"b")), "something else"),
        (b"", "truncated"),
        (b'{"json": true}', "truncated"),
        (form(*[text(f"f{n}") for n in range(FIELDS + 1)]), "more than 16 fields"),
    ],
)
def test_a_malformed_envelope_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedBody, match=reason):
        read([body])


def test_a_field_may_be_empty_and_a_form_may_have_none() -> None:
    assert [found for _, found in read([form((FILE, b""))])] == [b""]
    assert read([b"--" + BOUNDARY + b"--"]) == []
