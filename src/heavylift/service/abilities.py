"""What a BlobStore may offer beside its port. Whoever can use it asks whether it is there."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from heavylift.service.ports import Buffer


class Sink(Protocol):
    """One blob on its way into a store, driven by the thread that calls. See OpensSinks."""

    def write(self, buffers: Sequence[Buffer]) -> None:
        """Append the buffers. They may be used again on return."""
        ...

    def commit(self) -> None:
        """Return once the whole blob is durable. A blob that is not committed must be aborted."""
        ...

    def abort(self) -> None:
        """Leave no trace of it. Repeatable."""
        ...


@runtime_checkable
class OpensSinks(Protocol):
    """To be written to without a copy, from any thread."""

    def open_sink(self, key: str) -> Sink:
        """Begin the blob. Touches nothing before its first `write` or `commit`."""
        ...

    async def end_sink(self, call: Callable[[], None]) -> None:
        """Make a last call of a sink in a thread that may wait for the disk. Waited for to its end, whatever
        becomes of the task: no blob is half committed when a request is cancelled."""
        ...


class OpenBlob(Protocol):
    """A blob as an open file. Its `descriptor` is good until `close`."""

    @property
    def key(self) -> str: ...

    @property
    def descriptor(self) -> int: ...

    def close(self) -> None:
        """Let go of the file."""
        ...


@runtime_checkable
class OpensFiles(Protocol):
    """Blobs as files, to be sent without a copy."""

    def open_file(self, key: str) -> OpenBlob:
        """The blob, for the caller to close. Blocks. Raises BlobMissing, StorageDown."""
        ...


@runtime_checkable
class TakesWhole(Protocol):
    """To store a small blob without the detour of a stream."""

    async def put(self, key: str, pieces: Sequence[Buffer]) -> None:
        """As BlobStore.write, for bytes that are all here. They must not change before it returns."""
        ...
