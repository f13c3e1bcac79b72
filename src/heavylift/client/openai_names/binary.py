"""A content that has arrived, with the manners of openai-python's binary responses."""

import codecs
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from tempfile import SpooledTemporaryFile
from typing import Any

from heavylift.client.sources import BLOCK


class BinaryContent:
    """All bytes of a File, readable as often as needed; as text they are UTF-8. Let go of by `close()`, or
    when nobody holds it any more."""

    encoding = "utf-8"

    def __init__(self, file: "SpooledTemporaryFile[bytes]") -> None:
        self._file = file

    def read(self) -> bytes:
        """All of it, in memory."""
        self._file.seek(0)
        return self._file.read()

    @property
    def content(self) -> bytes:
        """All of it, in memory."""
        return self.read()

    @property
    def text(self) -> str:
        """All of it as text; what is not UTF-8 is shown as a replacement character."""
        return self.read().decode(self.encoding, "replace")

    def json(self) -> Any:
        """What the JSON stands for. Raises ValueError."""
        return json.loads(self.read())

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Block by block."""
        position = 0
        while True:
            self._file.seek(position)
            block = self._file.read(chunk_size or BLOCK)
            if not block:
                return
            position += len(block)
            yield block

    iter_raw = iter_bytes

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        """Block by block, as text."""
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        for block in self.iter_bytes(chunk_size):
            yield decoder.decode(block)
        if rest := decoder.decode(b"", final=True):
            yield rest

    def iter_lines(self) -> Iterator[str]:
        """Line by line, without their ends."""
        rest = b""
        for block in self.iter_bytes():
            *lines, rest = (rest + block).split(b"\n")
            yield from (line.removesuffix(b"\r").decode(self.encoding, "replace") for line in lines)
        if rest:
            yield rest.decode(self.encoding, "replace")

    def write_to_file(self, file: str | os.PathLike[str]) -> None:
        """Onto the disk. `download_file(id, to=…)` does that in one step, safely."""
        with open(file, "wb") as target:
            self._file.seek(0)
            shutil.copyfileobj(self._file, target, BLOCK)

    def stream_to_file(self, file: str | os.PathLike[str], *, chunk_size: int | None = None) -> None:
        """The same."""
        self.write_to_file(file)

    def close(self) -> None:
        """Let go of the bytes."""
        self._file.close()

    async def aread(self) -> bytes:
        """All of it, in memory."""
        return self.read()

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Block by block."""
        for block in self.iter_bytes(chunk_size):
            yield block

    async def astream_to_file(self, file: str | os.PathLike[str], *, chunk_size: int | None = None) -> None:
        """Onto the disk."""
        self.write_to_file(file)

    async def aclose(self) -> None:
        """Let go of the bytes."""
        self.close()
