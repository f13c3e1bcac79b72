"""What systems have and what they lack: Windows, and a POSIX without the newer calls."""

import os
import sys
from threading import Lock
from typing import Final

WINDOWS: Final = sys.platform == "win32"
"""Nothing that is open is renamed, replaced or removed there, and a rename replaces nothing."""

if hasattr(os, "pread"):

    def read_at(descriptor: int, count: int, offset: int) -> bytes:
        """Bytes of a file from there, whatever its position: several threads read at once."""
        return os.pread(descriptor, count, offset)

    def write_at(descriptor: int, block: memoryview, offset: int) -> int:
        """Put bytes there; how many it took."""
        return os.pwrite(descriptor, block, offset)

else:
    _TURN: Final = Lock()

    def read_at(descriptor: int, count: int, offset: int) -> bytes:
        """The lock keeps the two steps together."""
        with _TURN:
            os.lseek(descriptor, offset, os.SEEK_SET)
            return os.read(descriptor, count)

    def write_at(descriptor: int, block: memoryview, offset: int) -> int:
        """The lock keeps the two steps together."""
        with _TURN:
            os.lseek(descriptor, offset, os.SEEK_SET)
            return os.write(descriptor, block)
