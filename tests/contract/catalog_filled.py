"""A filled catalog for tests of plans: much that is settled or open, and ten of everything that is due.

Most is of the project "p"; of "q" there is some among it, some older and some newer than all of it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

MANY = 20_000
"""Rows of each large table."""

FEW = 10
"""Of these, what is overdue, expired or rare: the oldest, so that a walk from the newest meets them last."""

NOW, LATER = 6_000, 1_000_000
"""Seconds. What is overdue was due at 5,000."""

DUE = 5_000

OPEN = 2_000
"""Uploads that are younger than what is overdue, and open; and so many of another's at either end."""

NEWEST = 10 * MANY

Row = tuple[Any, ...]

COLUMNS = {
    "projects": "id name created_at",
    "api_keys": "id project name hint digest created_at revoked_at",
    "uploads": "id project filename purpose mime_type bytes created_at expires_at file_lifetime state"
    " held_bytes held_parts file_id receipt",
    "files": "id project filename purpose bytes checksum created_at expires_at",
    "parts": "id project upload_id file_id position blob bytes checksum created_at",
    "garbage": "blob due",
    "idempotency_keys": "project key fingerprint made created_at",
}


def columns_of(table: str) -> list[str]:
    """The columns of a table's rows here."""
    return COLUMNS[table].split()


def _id(kind: str, number: int) -> str:
    return f"{kind}_{number:08d}"


def _blob(number: int) -> str:
    return f"{number:032x}"


LONG = _id("upload", MANY)
"""An upload of many parts."""


def _others() -> Iterator[int]:
    """Places of another project's rows in the order of lists: before, among and behind those of "p"."""
    yield from range(-OPEN, 0)
    yield from range(0, MANY, 10)
    yield from range(NEWEST, NEWEST + OPEN)


def _uploads() -> Iterator[Row]:
    for number in range(MANY):
        state, deadline, file = "completed", LATER, _id("file", number)
        if number < 3 * FEW:  # forgettable; overdue; and open
            state = ("expired", "pending", "pending")[number // FEW]
            deadline, file = (DUE, DUE, LATER)[number // FEW], None
        yield (_id("upload", number), "p", "a.bin", "user_data", "text/plain", 20, number, deadline, None,
               state, 20, 2, file, None if file is None else "r")  # fmt: skip
    for number in range(MANY, MANY + OPEN):  # younger, and open
        yield (_id("upload", number), "p", "a.bin", "user_data", "text/plain", 20, number, LATER, None,
               "pending", 20, 2, None, None)  # fmt: skip
    for other in _others():
        yield (_id("upload", other) + "q", "q", "a.bin", "user_data", "text/plain", 20, 0, LATER, None,
               "pending", 20, 2, None, None)  # fmt: skip


def _files() -> Iterator[Row]:
    for number in range(MANY):
        rare = number < FEW
        yield (_id("file", number), "p", "a.bin", "rare" if rare else "user_data", 20, "0" * 16, number,
               DUE if FEW <= number < 2 * FEW else None)  # fmt: skip
    for other in _others():
        yield (_id("file", other) + "q", "q", "a.bin", "user_data", 20, "0" * 16, 0, None)


def _parts() -> Iterator[Row]:
    for number in range(2 * MANY):
        upload = number // 2
        placed = upload >= 3 * FEW
        yield (_id("part", number), "p", _id("upload", upload), _id("file", upload) if placed else None,
               number % 2 if placed else None, _blob(number), 10, "0" * 16, number)  # fmt: skip
    for number in range(MANY):  # a third of all, and older than the others
        yield (
            _id("part", number - MANY),
            "p",
            LONG,
            None,
            None,
            _blob(NEWEST + number),
            10,
            "0" * 16,
            number,
        )


FILLED: Mapping[str, Callable[[], Iterator[Row]]] = {
    "projects": lambda: ((_id("proj", one), f"name {one}", one) for one in range(MANY)),
    "api_keys": lambda: ((_id("key", one), "p", "n", "hint", _blob(one), one, None) for one in range(MANY)),
    "uploads": lambda: iter(sorted(_uploads())),  # stored in the order of their ids, as they came
    "files": lambda: iter(sorted(_files())),
    "parts": lambda: iter(sorted(_parts())),
    "garbage": lambda: ((_blob(10**6 + one), DUE if one < FEW else LATER) for one in range(MANY)),
    "idempotency_keys": lambda: (
        ("p", f"key {one}", "f", "m", DUE if one < FEW else LATER) for one in range(MANY)
    ),
}
"""The rows of each table."""

VALUES: Mapping[str, Any] = {
    "id": _id("upload", 2 * FEW), "project": "p", "upload_id": _id("upload", 2 * FEW),
    "file_id": _id("file", MANY // 2), "blob": _blob(4 * FEW), "limit": 20, "after": _id("part", MANY),
    "now": NOW, "given": float(NOW), "beyond": NOW, "before": NOW, "due": float(NOW), "uploads_before": NOW,
    "forget_before": NOW, "files_before": NOW, "judged_at": NOW, "bytes_until": float(LATER),
    "state": "pending", "purpose": "rare", "most_bytes": 10**9, "most_parts": 10**6, "bytes": 10,
    "position": 0, "start": 0, "stop": 5, "keys": _blob(1) + _blob(10**6), "size": 32, "why": "because",
    "digest": _blob(7), "key": "key 7", "fingerprint": "f", "made": "m", "forgotten": NOW, "name": "n",
    "holder": "h", "until": float(LATER), "longest": float(LATER),
    "filename": "a.bin", "mime_type": "text/plain", "created_at": 1,
    "expires_at": LATER, "file_lifetime": None, "held_bytes": 0, "held_parts": 0, "receipt": "r",
    "checksum": "0" * 16, "hint": "hint", "revoked_at": None, "searched_at": float(NOW),
    "doubted_at": None, "most": 50, "most_of_project": 0, "came_from": "c",
}  # fmt: skip
"""What parameters of these names are given."""

FILE = {"id": _id("file", MANY // 2)}
NEW = {"id": "new", "blob": "f" * 32, "digest": "f" * 32, "name": "new", "key": "new"}

FRESH: Mapping[str, Mapping[str, Any]] = {
    **dict.fromkeys(("find_file", "delete_file"), FILE),
    **dict.fromkeys(
        ("insert_upload", "insert_part", "insert_file", "insert_project", "insert_key", "load_project",
         "load_key", "load_part", "load_file", "load_upload", "condemn_blob", "take_idempotency_key"), NEW
    ),
    "find_held": {"project": "r"},  # all of a project's are added up, and nobody else's
    "expire_file": {"id": _id("file", FEW)},
    "expire_upload": {"id": _id("upload", FEW)},
    "revoke_key": {"id": _id("key", 7)},
    **{
        f"list_{what}_{way}": {"after": end, "upload_id": LONG}
        for what in ("uploads", "uploads_in_state", "uploads_overdue", "files", "files_of_purpose", "parts")
        for way, end in (("newest", "~"), ("oldest", ""))
    },
    "list_condemned": {"after": ""},
    "list_overdue": {"after": ""},
}  # fmt: skip
"""What single statements are given instead."""
