"""Reading a multipart form, as a reference: the standard library's own mail parser."""

from email.parser import BytesParser
from email.policy import HTTP


def read_form(content_type: str, body: bytes) -> dict[str, tuple[str, bytes]]:
    """Every field's file name (empty for a text) and payload."""
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = BytesParser(policy=HTTP.clone(utf8=True)).parsebytes(head + body)
    fields = {}
    for part, raw in zip(message.iter_parts(), _payloads(content_type, body), strict=True):
        name = part.get_param("name", header="content-disposition")
        fields[str(name)] = (part.get_filename() or "", raw)
    return fields


def _payloads(content_type: str, body: bytes) -> list[bytes]:
    """The bytes between the heads and the boundaries: the mail parser would mend their line ends."""
    boundary = b"\r\n--" + content_type.partition("boundary=")[2].encode()
    pieces = (b"\r\n" + body).split(boundary)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    return [piece.partition(b"\r\n\r\n")[2] for piece in pieces[1:-1]]
