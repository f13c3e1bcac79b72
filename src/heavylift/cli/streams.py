"""The three standard streams, as a shell may hand them over: closed, full, or without a reader."""

import contextlib
import os
import sys
from typing import Final

CLOSED: Final = "standard output is closed: there is nowhere to write the answer. Name a file behind >."


def stand_in_for_closed() -> bool:
    """Put the null device in the place of a stream that is closed, so that no file or connection is opened
    in its place and written into. Whether standard output was one of them."""
    closed = [number for number in range(3) if not _is_open(number)]
    for number in closed:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - for as long as the process lives
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    return 1 in closed


def flushed() -> OSError | None:
    """Write out what is still held back; what kept it from that. Python would tell it later, in two lines."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_stdout()  # who reads our output has seen enough
    except OSError as error:
        _drop_stdout()
        return error
    return None


def _drop_stdout() -> None:
    """What is left goes nowhere, so that the end of the process is quiet."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
