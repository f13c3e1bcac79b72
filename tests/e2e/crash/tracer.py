"""Kills a process as it is about to make its n-th durable change: a program of its own.

`python -m tests.e2e.crash.tracer PID FOLDER N` follows every thread of the process PID and
counts, over all of them, the system calls that change files under FOLDER or answer a client.
Of a row of like calls on one file only the first two count: every later one is torn as the
second is. At the entry of the N-th, before it has any effect, the process dies of SIGKILL.
Says "attached" once it follows every thread, and "killed" with the call's name once it has
killed. Ends without a trace when it is told to (SIGTERM), or when the process ends.

strace can kill at a call too, but counts the calls of each thread apart: it could not tell
the second thread's first fdatasync from the first's.
"""

import ctypes
import os
import platform
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, groupby, islice
from pathlib import Path

SEIZE, INTERRUPT, SYSCALL, LISTEN, SYSCALL_INFO = 0x4206, 0x4207, 24, 0x4208, 0x420E
TRACE_SYSGOOD, TRACE_FORK, TRACE_VFORK, TRACE_CLONE = 1, 2, 4, 8
EVENT_STOP = 128
ALL_THREADS = 0x40000000
AT_SYSCALL = signal.SIGTRAP | 0x80
STOPPING = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
"""From <linux/ptrace.h> and <linux/wait.h>."""

ON_DESCRIPTOR = {
    "x86_64": {1: "write", 18: "pwrite64", 20: "writev", 40: "sendfile", 44: "sendto", 46: "sendmsg",
               74: "fsync", 75: "fdatasync", 77: "ftruncate", 285: "fallocate", 296: "pwritev",
               326: "copy_file_range", 328: "pwritev2"},
    "aarch64": {64: "write", 66: "writev", 68: "pwrite64", 70: "pwritev", 71: "sendfile", 206: "sendto",
                211: "sendmsg", 82: "fsync", 83: "fdatasync", 46: "ftruncate", 47: "fallocate",
                285: "copy_file_range", 287: "pwritev2"},
}[platform.machine()]  # fmt: skip
"""Calls that change what their first argument, a descriptor, stands for."""

ON_NAME = {
    "x86_64": {83: "mkdir", 258: "mkdirat", 82: "rename", 264: "renameat", 316: "renameat2", 87: "unlink",
               263: "unlinkat", 86: "link", 265: "linkat"},
    "aarch64": {34: "mkdirat", 38: "renameat", 276: "renameat2", 35: "unlinkat", 37: "linkat"},
}[platform.machine()]  # fmt: skip
"""Calls that change a folder's entries."""

OPENAT = {"x86_64": 257, "aarch64": 56}[platform.machine()]


class Info(ctypes.Structure):
    """`struct ptrace_syscall_info`, as much of it as an entry fills."""

    _fields_ = (
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction_pointer", ctypes.c_uint64),
        ("stack_pointer", ctypes.c_uint64),
        ("nr", ctypes.c_uint64),
        ("args", ctypes.c_uint64 * 6),
    )
    ENTRY = 1


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request: int, thread: int, address: int = 0, data: int = 0) -> bool:
    """Make the request. False when the thread is gone, or not stopped because it is dying."""
    if libc.ptrace(request, thread, address, data) != -1:
        return True
    error = ctypes.get_errno()
    if isinstance(OSError(error, ""), ProcessLookupError):
        return False
    raise OSError(error, f"ptrace {request:#x} of thread {thread}")


Stop = tuple[int, int]
"""A thread that has stopped, and its status as waitpid tells it."""


def seize(pid: int) -> set[int]:
    """Follow every thread of the process, those to come too. Those that are told to stop."""
    options = TRACE_SYSGOOD | TRACE_FORK | TRACE_VFORK | TRACE_CLONE
    seen: set[int] = set()
    told: set[int] = set()
    while more := {int(task) for task in os.listdir(f"/proc/{pid}/task")} - seen:
        for thread in more:
            if ptrace(SEIZE, thread, data=options):
                ptrace(INTERRUPT, thread)
                told.add(thread)
        seen |= more
    return told


def attach(pid: int) -> list[Stop]:
    """Follow every thread, and hold each where it is: so nothing is counted before all are followed."""
    running = seize(pid)
    held: list[Stop] = []
    while running:
        thread, status = os.waitpid(-1, ALL_THREADS)
        running.discard(thread)
        if os.WIFSTOPPED(status):
            held.append((thread, status))
    return held


def stops() -> Iterator[Stop]:
    """Every stop of a thread that is followed, until the process has ended."""
    with suppress(ChildProcessError):
        while True:
            thread, status = os.waitpid(-1, ALL_THREADS)
            if os.WIFSTOPPED(status):
                yield thread, status


def changes(pid: int, folder: Path) -> Iterator[str]:
    """Let the process run, and say the name of every durable change as it is about to be made."""
    held = attach(pid)
    print("attached", flush=True)
    for thread, status in chain(held, stops()):
        sig, event, resume = os.WSTOPSIG(status), status >> 16, SYSCALL
        if event == EVENT_STOP and sig in STOPPING:
            resume = LISTEN
        elif sig == AT_SYSCALL and (name := change(pid, thread, folder)):
            yield name
        ptrace(resume, thread, data=0 if event or sig == AT_SYSCALL else sig)


def distinct(names: Iterator[str]) -> Iterator[str]:
    """The names, with no more than two of a row of equal ones."""
    for _, row in groupby(names):
        yield from islice(row, 2)


def change(pid: int, thread: int, folder: Path) -> str | None:
    """The name of the durable change that the stopped thread is about to make, if it is one."""
    info = Info()
    if not ptrace(SYSCALL_INFO, thread, ctypes.sizeof(info), ctypes.addressof(info)):
        return None
    if info.op != Info.ENTRY:
        return None
    if name := ON_DESCRIPTOR.get(info.nr):
        return f"{name} {target}" if (target := target_of(pid, info.args[0], folder)) else None
    if info.nr == OPENAT and info.args[2] & os.O_CREAT:
        return "openat"
    return ON_NAME.get(info.nr)


def target_of(pid: int, descriptor: int, folder: Path) -> str | None:
    """What a descriptor stands for, if that is a client or a file under the folder."""
    try:
        target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
    except OSError:  # a call on a descriptor that is not open changes nothing
        return None
    if target.startswith("socket:"):
        return "socket"
    return (
        target.removeprefix(f"{folder}/")
        if target.startswith(f"{folder}/") or target == str(folder)
        else None
    )


def main(pid: int, folder: Path, fatal: int) -> None:
    """Count, and kill at the fatal one."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for number, name in enumerate(distinct(changes(pid, folder)), start=1):
        if number == fatal:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what is done now is told, too
            os.kill(pid, signal.SIGKILL)
            print(f"killed {name}", flush=True)
            return


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
