"""Reading a file: its extents in a row, looked at as one stream."""

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing
from typing import BinaryIO

from heavylift.domain.files import WHOLE, Extent, Span, touched
from heavylift.service.ports import BlobStore, OpensFiles, StorageDown


async def read_extents(
    blobs: BlobStore, extents: Sequence[Extent], span: Span = WHOLE
) -> AsyncGenerator[bytes]:
    """The bytes of `span`, in order, one extent after the other.

    Raises BlobMissing when an extent's bytes are gone, StorageDown when there are fewer
    of them than the catalog knows: a reader never mistakes a torso for the whole.
    """
    for blob, part in touched(extents, span):
        assert part.stop is not None
        missing = part.stop - part.start
        async with aclosing(blobs.read(blob, part)) as chunks:
            async for chunk in chunks:
                missing -= len(chunk)
                yield chunk
        if missing:
            raise StorageDown(f"blob {blob} is {missing} bytes short")


def open_extents(
    blobs: OpensFiles, extents: Sequence[Extent], span: Span = WHOLE
) -> Generator[tuple[BinaryIO, Span]]:
    """The same as open files, each with the stretch of it to send and closed behind it. Blocks.

    Raises BlobMissing when an extent's bytes are gone.
    """
    for blob, part in touched(extents, span):
        with blobs.open_file(blob) as file:
            yield file, part
