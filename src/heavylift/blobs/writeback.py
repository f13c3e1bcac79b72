"""Tell Linux to begin writing back a stretch of a file, without waiting for it.

The standard library has no such call; posix_fadvise comes near, but also throws pages out of the cache.
"""

import ctypes
from typing import Any, Final

SYNC_FILE_RANGE_WRITE: Final = 2


def _find() -> Any:
    """sync_file_range(2) of the C library, or None where it has none."""
    call = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return call


_sync_file_range: Final = _find()


def begin_writeback(fd: int, start: int, length: int) -> bool:
    """Begin with `length` bytes from `start`. Whether that was possible.

    Only a hint: what it leaves undone, fdatasync does at the end, and only fdatasync says that all is safe.
    """
    return _sync_file_range is not None and not _sync_file_range(fd, start, length, SYNC_FILE_RANGE_WRITE)
