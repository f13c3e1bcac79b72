"""Forms to feed to a reader, and a strict way to read one."""

from collections.abc import Iterable

from heavylift.api.fields import FieldBegin
from heavylift.api.formreader import FieldEnd, FormEnd, FormReader
from heavylift.domain.limits import Limits

LIMITS = Limits()
BOUNDARY = b"bound--ary"
DELIMITER = b"\r\n--" + BOUNDARY
FILE = (
    b'Content-Disposition: form-data; name="data"; filename="upload"\r\n'
    b"Content-Type: application/octet-stream"
)
LOOK_ALIKES = [DELIMITER[:n] for n in range(1, len(DELIMITER))] + [
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\r\n",
    b"--",
    BOUNDARY,
    b"--" + BOUNDARY,
    b"\n--" + BOUNDARY,
    b"\r\n-" + BOUNDARY,
    b"\r\n--" + BOUNDARY[:-1] + b"z",
    b"\x00",
    b"ordinary",
]


def form(*fields: tuple[bytes, bytes], preamble: bytes = b"", epilogue: bytes = b"\r\n") -> bytes:
    """A form with those (headers, payload)."""
    parts = [b"--" + BOUNDARY + b"\r\n" + headers + b"\r\n\r\n" + body for headers, body in fields]
    return preamble + b"\r\n".join([*parts, b"--" + BOUNDARY + b"--"]) + epilogue


def text(name: str, value: bytes = b"x") -> tuple[bytes, bytes]:
    return f'Content-Disposition: form-data; name="{name}"'.encode(), value


def read(chunks: Iterable[bytes], *, boundary: bytes = BOUNDARY) -> list[tuple[FieldBegin, bytes]]:
    """All fields of a form. Every chunk is overwritten once the next is due, as a receiver would."""
    reader = FormReader(boundary, limits=LIMITS)
    fields: list[tuple[FieldBegin, bytearray]] = []
    ended = 0
    closed = False
    for chunk in chunks:
        buffer = bytearray(chunk + b"behind the stop")
        for event in reader.feed(buffer, stop=len(chunk)):
            assert not closed
            match event:
                case FieldBegin():
                    assert ended == len(fields)
                    fields.append((event, bytearray()))
                case memoryview():
                    fields[-1][1].extend(event)
                case FieldEnd():
                    ended += 1
                case FormEnd():
                    closed = True
        buffer[:] = b"\xff" * len(buffer)
    reader.finish()
    assert closed
    assert ended == len(fields)
    return [(field, bytes(payload)) for field, payload in fields]
