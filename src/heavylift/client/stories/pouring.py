"""A download into a stream: in order, counted and compared while it is poured out."""

import io
from typing import Any, BinaryIO, Final

from heavylift.client import checksums
from heavylift.client.calls import Flow, work
from heavylift.client.disk.targets import refuse_terminal
from heavylift.client.errors import CorruptedError, InvalidRequestError
from heavylift.client.models import DownloadedFile
from heavylift.client.stories.landing import Errand, StreamLanding, deliver
from heavylift.client.stories.layout import MIB
from heavylift.client.stories.ranges import Validator, Wanted

POURED_AT_ONCE: Final = 64 * MIB
"""Bytes asked for at once: what comes a second time at most when a connection breaks."""


def pour(errand: Errand, *, into: BinaryIO, name: str) -> Flow[DownloadedFile]:
    """Pour the File out. Raises CorruptedError at the end if it was not the File, OSError for the stream."""
    stream = _checked(into, name)
    landing = StreamLanding(lambda block: _write_all(stream, block))
    total = errand.total
    validator: Validator | None = None
    errand.meter.enter("transferring")
    while True:
        end = None if total is None else min(total, landing.poured + POURED_AT_ONCE)
        landing.expect(
            Wanted(start=landing.poured, end=end, total=total, validator=validator, all_will_do=True)
        )
        yield from deliver(errand, landing)
        assert landing.fit is not None, "something has come"
        validator = landing.fit.validator
        if total is None or landing.poured >= total:
            break
    errand.meter.enter("finishing")
    yield from work(lambda aborted: stream.flush())
    shown = errand.file.checksum
    verified = checksums.comparable(shown)
    if verified and not checksums.agrees(shown, landing.checksum):
        raise CorruptedError(
            f"What was poured out of {errand.file_id} is not what the server has. Throw it away."
        )
    errand.meter.enter("done")
    return DownloadedFile(path=name, bytes=landing.poured, file=errand.file, verified=verified)


def _checked(into: Any, name: str) -> BinaryIO:
    if isinstance(into, io.TextIOBase) or not callable(getattr(into, "write", None)):
        raise InvalidRequestError(
            f"{type(into).__name__} is neither a path nor a file that is open for writing bytes ('wb')"
        )
    if callable(getattr(into, "isatty", None)):
        refuse_terminal(into, name)
    stream: BinaryIO = into
    return stream


def _write_all(stream: BinaryIO, block: bytes | memoryview) -> None:
    """A raw file may take less than it is given."""
    rest = memoryview(block)
    while rest:
        taken = stream.write(rest)
        if not isinstance(stream, io.RawIOBase):
            return
        if taken is None:
            raise BlockingIOError("the stream takes nothing now, and is set not to wait")
        rest = rest[taken:]
