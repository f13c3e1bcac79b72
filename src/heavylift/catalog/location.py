"""Where a SQLite database cannot live: on a file system that other machines, or other programs, serve."""

import os
from pathlib import Path

from heavylift.catalog import sqlite
from heavylift.catalog.migrating import UnfitCatalog

MOUNTS = Path("/proc/self/mountinfo")
"""Linux's list of what is mounted where. Elsewhere nothing is known, and nothing refused."""

NETWORK = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "gfs2", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "ocfs2",
    "smb3", "smbfs",
})  # fmt: skip
"""Types of file systems whose locks, memory maps or fsync other machines have a part in."""


def check_local(path: str) -> None:
    """Make sure that a SQLite database of that path lies on a local disk. Raises UnfitCatalog."""
    if path == sqlite.MEMORY or not MOUNTS.exists():
        return
    kind = mounted_type(os.path.realpath(path), MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"))
    if kind in NETWORK or kind.startswith("fuse."):
        raise UnfitCatalog(
            f"The catalog {path} lies on a network file system ({kind}), where SQLite's locks cannot be"
            " relied on. Put the data folder on a local disk by HEAVYLIFT_DATA; the blobs may lie elsewhere,"
            " by HEAVYLIFT_BLOBS=file:///... For several machines, name a PostgreSQL by"
            " HEAVYLIFT_CATALOG=postgresql://..."
        )


def mounted_type(path: str, mounts: str) -> str:
    """The type of the file system that holds an absolute path, by the text of /proc/self/mountinfo."""
    found, best = "", -1
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        point = _unescaped(left.split()[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:  # of two on one place, the later hides the earlier
            found, best = right.split()[0], len(point)
    return found


def _unescaped(text: str) -> str:
    """Blanks and backslashes stand there as octal numbers."""
    for code, sign in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        text = text.replace(code, sign)
    return text
