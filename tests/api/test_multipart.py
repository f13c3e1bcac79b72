"""What the operations take out of their forms, and what they refuse."""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heavylift.api.fields import FieldBegin
from heavylift.api.multipart import FileFields, FileForm, PartForm, part_payload
from heavylift.domain.errors import MalformedBody, Refusal, UnknownParameter
from tests.api.formbodies import BOUNDARY, FILE, LIMITS, LOOK_ALIKES, form, text


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def part(body: bytes, *, size: int = 7, on_field=None) -> bytes:
    chunks = stream(*(body[at : at + size] for at in range(0, len(body), size)))
    pieces = part_payload(chunks, PartForm(BOUNDARY, limits=LIMITS, on_field=on_field))
    return b"".join([bytes(piece) async for piece in pieces])


async def test_a_part_comes_as_a_file_or_as_plain_text() -> None:
    assert await part(form((FILE, b"pay\r\nload"))) == b"pay\r\nload"
    assert await part(form(text("data", b"plain"))) == b"plain"


async def test_the_field_is_told_before_its_payload() -> None:
    seen: list[FieldBegin] = []
    await part(form((FILE + b"\r\nContent-MD5: abc", b"x")), on_field=seen.append)
    assert [field.headers[-1] for field in seen] == [("content-md5", "abc")]


async def test_what_on_field_raises_refuses_the_form() -> None:
    def refuse(field: FieldBegin) -> None:
        raise MalformedBody("no", param="Content-MD5")

    with pytest.raises(MalformedBody, match="no"):
        await part(form((FILE, b"x")), on_field=refuse)


@pytest.mark.parametrize(
    ("body", "refusal", "param"),
    [
        (form(), MalformedBody, "data"),
        (form(text("file")), UnknownParameter, "file"),
        (form((FILE, b"x"), text("extra")), UnknownParameter, "extra"),
        (form((FILE, b"x"), (FILE, b"y")), MalformedBody, "data"),
        (form((FILE, b"x"))[:-8], MalformedBody, "data"),
    ],
)
async def test_anything_but_one_data_is_refused(body: bytes, refusal: type[Refusal], param: str) -> None:
    for size in (1, 7, 10_000):
        with pytest.raises(refusal) as refused:
            await part(body, size=size)
        assert refused.value.param == param


async def test_a_refusal_comes_after_the_payload_that_came_before_it() -> None:
    first, second = form((FILE, b"payload"), text("extra")).split(b"payload")
    pieces = part_payload(stream(first + b"pay", b"load" + second), PartForm(BOUNDARY, limits=LIMITS))
    assert bytes(await anext(pieces)) == b"pay"
    with pytest.raises(
        UnknownParameter, match=r"Additional properties are not allowed \('extra' was unexpected\)"
    ):
        await anext(pieces)


# the form of a file

POSTED = b'Content-Disposition: form-data; name="file"; filename="a.jsonl"'


def file_form(body: bytes, size: int) -> FileForm:
    chunks = stream(*(body[at : at + size] for at in range(0, len(body), size)))
    return FileForm(chunks, boundary=BOUNDARY, limits=LIMITS)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
async def test_texts_may_stand_before_and_behind_the_file(size: int) -> None:
    body = form(
        text("purpose", b"batch"),
        (POSTED, b"pay\r\nload"),
        text("expires_after[anchor]", b"created_at"),
        text("expires_after[seconds]", b"3600"),
    )
    posted = file_form(body, size)
    assert (await posted.begin()).filename == "a.jsonl"
    assert posted.texts["purpose"] == "batch"
    assert b"".join([bytes(piece) async for piece in posted.payload()]) == b"pay\r\nload"
    assert posted.texts == {
        "purpose": "batch",
        "expires_after[anchor]": "created_at",
        "expires_after[seconds]": "3600",
    }


async def test_the_payload_may_be_asked_for_at_once() -> None:
    assert [bytes(piece) async for piece in file_form(form((POSTED, b"x")), 10_000).payload()] == [b"x"]


@pytest.mark.parametrize(
    ("body", "refusal", "param"),
    [
        (form(), MalformedBody, "file"),
        (form(text("purpose")), MalformedBody, "file"),
        (form(text("file")), MalformedBody, "file"),
        (form((POSTED.replace(b"a.jsonl", b""), b"x")), MalformedBody, "file"),
        (form((POSTED, b"x"), (POSTED, b"x")), MalformedBody, "file"),
        (form((POSTED, b"x"), text("purpose"), text("purpose")), MalformedBody, "purpose"),
        (form(text("purpose", b"\xff"), (POSTED, b"x")), MalformedBody, "purpose"),
        (form(text("purpose", b"x" * (LIMITS.field_bytes + 1)), (POSTED, b"x")), MalformedBody, "purpose"),
        (form((POSTED, b"x"), text("data")), UnknownParameter, "data"),
        (form((POSTED, b"x"), text("n" * 500)), UnknownParameter, "n" * 100),
        (form((POSTED, b"x"))[:-8], MalformedBody, "file"),
    ],
)
async def test_anything_but_one_file_and_its_texts_is_refused(
    body: bytes, refusal: type[Refusal], param: str
) -> None:
    for size in (1, 10_000):
        posted = file_form(body, size)
        with pytest.raises(refusal) as refused:
            [piece async for piece in posted.payload()]
        assert refused.value.param == param


@given(
    st.lists(
        st.sampled_from([*LOOK_ALIKES, FILE, b"\r\n\r\n", b": ", b";", b'"', b"\xc3"]) | st.binary(max_size=9)
    )
)
@example([b"--" + BOUNDARY + b"\r\n\r\n"])
def test_garbage_is_refused_and_never_breaks_anything(pieces: list[bytes]) -> None:
    for sink in (PartForm(BOUNDARY, limits=LIMITS), FileFields(BOUNDARY, limits=LIMITS)):
        with suppress(Refusal):
            for piece in pieces:
                sink.feed(piece)
            sink.finish()
            assert isinstance(sink, PartForm) or sink.file is not None
