"""What an operation takes out of its form: a Part's bytes, or a file and the text fields around it.

`PartForm` and `FileFields` are plain synchronous code that any thread may drive; `part_payload`
and `FileForm` put them behind asynchronous iteration. Payload is handed on without a copy.
"""

from collections.abc import AsyncIterable, AsyncIterator, Callable

from heavylift.api.fields import FieldBegin, boundary_of
from heavylift.api.formreader import FieldEnd, FormReader
from heavylift.domain.errors import MalformedBody, UnknownParameter
from heavylift.domain.limits import Limits
from heavylift.service.ports import Buffer

__all__ = ["FieldBegin", "FileForm", "PartForm", "boundary_of", "part_payload"]


class PartForm:
    """The form of one Part: the field `data` and nothing else, as a file or as plain text.

    `on_field` is told of the field before its payload; what it raises refuses the form.
    """

    def __init__(
        self, boundary: bytes, *, limits: Limits, on_field: Callable[[FieldBegin], None] | None = None
    ) -> None:
        self._reader = FormReader(boundary, limits=limits, named=False)
        self._on_field = on_field
        self.field: FieldBegin | None = None

    def feed(self, chunk: Buffer, *, stop: int | None = None) -> list[memoryview]:
        """The Part's bytes within the chunk's first `stop` bytes. Raises MalformedBody, UnknownParameter."""
        payload = []
        for event in self._reader.feed(chunk, stop=stop):
            if isinstance(event, memoryview):
                payload.append(event)
            elif isinstance(event, FieldBegin):
                self._begin(event)
        return payload

    def finish(self) -> None:
        """The body is over. Raises MalformedBody if the form is not, or had no `data`."""
        self._reader.finish()
        if self.field is None:
            raise MalformedBody("The form has no field `data`: send the Part's bytes in it.", param="data")

    def _begin(self, field: FieldBegin) -> None:
        if field.name != "data":
            raise _unknown(field.name)
        if self.field is not None:
            raise MalformedBody(
                "The form has more than one field `data`: send one Part at a time.", param="data"
            )
        self.field = field
        if self._on_field is not None:
            self._on_field(field)


class FileFields:
    """The form of POST /files: one `file` and the text fields around it, in any order."""

    TEXTS = ("purpose", "expires_after[anchor]", "expires_after[seconds]")

    def __init__(self, boundary: bytes, *, limits: Limits) -> None:
        self._reader = FormReader(boundary, limits=limits, param="file")
        self._bound = limits.field_bytes
        self._text: bytearray | None = None
        self._name = ""
        self.file: FieldBegin | None = None
        self.texts: dict[str, str] = {}

    def feed(self, chunk: Buffer, *, stop: int | None = None) -> list[memoryview]:
        """The file's bytes within the chunk's first `stop` bytes. Raises MalformedBody, UnknownParameter."""
        payload = []
        for event in self._reader.feed(chunk, stop=stop):
            if isinstance(event, FieldBegin):
                self._begin(event)
            elif isinstance(event, FieldEnd):
                self._end()
            elif isinstance(event, memoryview):
                if self._text is None:
                    payload.append(event)
                else:
                    self._append(event)
        return payload

    def finish(self) -> None:
        """The body is over. Raises MalformedBody if the form is not, or had no `file`."""
        self._reader.finish()
        if self.file is None:
            raise MalformedBody("The form has no field `file`: send the file's bytes in it.", param="file")

    def _begin(self, field: FieldBegin) -> None:
        if field.name != "file" and field.name not in self.TEXTS:
            raise _unknown(field.name)
        if field.name in self.texts or (field.name == "file" and self.file is not None):
            raise MalformedBody(
                f"The form has more than one field `{field.name}`. Send it once.", param=field.name
            )
        self._name = field.name
        if field.name != "file":
            self._text = bytearray()
        elif not field.filename:
            raise MalformedBody(
                "The field `file` has no filename: send it as a file, with its name.", param="file"
            )
        else:
            self.file = field

    def _append(self, piece: memoryview) -> None:
        assert self._text is not None
        self._text += piece
        if len(self._text) > self._bound:
            raise MalformedBody(
                f"`{self._name}` is longer than {self._bound} bytes. Shorten it.", param=self._name
            )

    def _end(self) -> None:
        if self._text is None:
            return
        try:
            self.texts[self._name] = self._text.decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedBody(
                f"`{self._name}` is not UTF-8 text. Send it in UTF-8.", param=self._name
            ) from None
        self._text = None


def _unknown(name: str) -> UnknownParameter:
    shown = name[:100]
    return UnknownParameter(f"Additional properties are not allowed ('{shown}' was unexpected)", param=shown)


async def part_payload(chunks: AsyncIterable[Buffer], form: PartForm) -> AsyncIterator[Buffer]:
    """A Part's bytes out of its form, each piece valid until the next is asked for.

    Raises what PartForm raises, possibly after the last piece.
    """
    async for chunk in chunks:
        for piece in form.feed(chunk):
            yield piece
    form.finish()


class FileForm:
    """The form of POST /files: `begin` it, store its `payload`, then all `texts` are known."""

    def __init__(self, chunks: AsyncIterable[Buffer], *, boundary: bytes, limits: Limits) -> None:
        self._chunks = aiter(chunks)
        self._fields = FileFields(boundary, limits=limits)
        self._pieces: list[memoryview] = []

    @property
    def file(self) -> FieldBegin | None:
        """The field `file`, once it has begun."""
        return self._fields.file

    @property
    def texts(self) -> dict[str, str]:
        """The text fields that have come so far; all of them once the payload is over."""
        return self._fields.texts

    async def begin(self) -> FieldBegin:
        """Read up to where the file begins. Raises MalformedBody, UnknownParameter."""
        while self._fields.file is None:
            await self._advance()
        return self._fields.file

    async def payload(self) -> AsyncIterator[Buffer]:
        """The file's bytes, to be asked for once, each piece valid until the next is asked for.

        Raises MalformedBody, UnknownParameter, possibly after the last piece.
        """
        await self.begin()
        more = True
        while more:
            for piece in self._pieces:
                yield piece
            more = await self._advance()

    async def _advance(self) -> bool:
        """Feed the next chunk. False, and the form is found complete, when there is none."""
        chunk = await anext(self._chunks, None)
        if chunk is None:
            self._fields.finish()
            return False
        self._pieces = self._fields.feed(chunk)
        return True
