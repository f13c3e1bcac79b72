"""From the description of a body to the bytes on the wire, block by block, counted and checksummed."""

import json
import secrets
from typing import Protocol

from heavylift.client import checksums
from heavylift.client.calls import Body, FormBody, JsonBody
from heavylift.client.sources import Bytes, Reader


class Outgoing(Protocol):
    """One sending of a body. Not shared between attempts."""

    content_type: str | None
    length: int
    sent: int
    """Of the file in a form, how many bytes were read so far; always 0 for other bodies."""
    blocking: bool
    """Whether reading may wait for a disk."""

    def read(self) -> bytes:
        """The next block, empty at the end."""
        ...

    def close(self) -> None:
        """Let go of whatever is open. Harmless when repeated."""
        ...

    @property
    def checksum(self) -> int | None:
        """Over the file of a form, as far as it was read; None for other bodies."""
        ...


def prepare(body: Body) -> Outgoing:
    """A new sending of this body."""
    match body:
        case FormBody():
            return FormSending(body)
        case JsonBody(value=value):
            return PlainSending(json.dumps(value).encode("utf-8"), "application/json")
        case None:
            return PlainSending(b"", None)


class PlainSending:
    """A small body, in memory."""

    checksum = None
    blocking = False

    def __init__(self, content: bytes, content_type: str | None) -> None:
        self._content = content
        self.content_type = content_type
        self.length = len(content)
        self.sent = 0

    def read(self) -> bytes:
        """All of it, then nothing."""
        block, self._content = self._content, b""
        return block

    def close(self) -> None:
        """Nothing is open."""


class FormSending:
    """A multipart form whose file is read as it is sent."""

    def __init__(self, form: FormBody) -> None:
        boundary = secrets.token_hex(16)
        self._head = _head(form, boundary)
        self._tail = f"\r\n--{boundary}--\r\n".encode("ascii")
        self._source = form.source
        self._reader: Reader | None = None
        self._checksum = 0
        self.content_type: str | None = f"multipart/form-data; boundary={boundary}"
        self.length = len(self._head) + form.source.length + len(self._tail)
        self.sent = 0
        self.blocking = not isinstance(form.source, Bytes)

    @property
    def checksum(self) -> int:
        """Over the file's bytes, as far as they were read."""
        return self._checksum

    def read(self) -> bytes:
        """The next block: the head, the file, the tail, nothing."""
        if self._reader is None:
            self._reader = self._source.open()
            return self._head
        block = self._reader.read()
        if block:
            self._checksum = checksums.extend(self._checksum, block)
            self.sent += len(block)
            return block
        block, self._tail = self._tail, b""
        return block

    def close(self) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()


def _head(form: FormBody, boundary: str) -> bytes:
    """Everything before the file's first byte."""
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'
        for name, value in form.texts
    ]
    lines.append(
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{_quoted(form.field)}"; '
        f'filename="{_quoted(form.filename)}"\r\n'
        f"Content-Type: {form.content_type}\r\n\r\n"
    )
    return "".join(lines).encode("utf-8")


def _quoted(text: str) -> str:
    """As browsers put a name into a quoted string of a form: CR, LF and the quote percent-encoded."""
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
