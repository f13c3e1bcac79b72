"""The transactions of the sweeper: what expired, what nobody points at, what may be deleted.

A step ends when it has touched `limit` rows, Parts included, but never before its first
Upload or File: so it makes progress, and no step keeps others waiting for long.
"""

import math
from collections.abc import Collection
from itertools import groupby

from heavylift.catalog import sql_files, sql_uploads
from heavylift.catalog.transactions import DURABLY, EXCLUDE_ARRIVALS, Transaction, ask, ask_each, for_each
from heavylift.service.ownership import Installation
from heavylift.service.upkeep import Condemned, Expiring, Overdue, Reclaimed, Search

AT_ONCE = 200
"""Blobs that one statement asks for. They travel in one parameter, for databases bound how many there are;
PostgreSQL walks through it for each of them, so it must not be long."""


ORPHANED = "nothing pointed at it"
UNTOLD = "an older version handed it over"
"""Why a blob is in the garbage."""


def count_overdue(
    *, uploads_before: float, forget_before: float, files_before: float, due: float
) -> Transaction[Overdue]:
    [counts] = yield ask(
        "count_overdue",
        uploads_before=math.ceil(uploads_before),
        forget_before=math.ceil(forget_before),
        files_before=math.floor(files_before),
        due=due,
    )
    return Overdue(
        expired_uploads=counts["expired_uploads"],
        forgettable_uploads=counts["forgettable_uploads"],
        expired_files=counts["expired_files"],
        garbage=counts["garbage"],
    )


def expire_uploads(*, before: float, due: float, limit: int) -> Transaction[Reclaimed]:
    second = math.ceil(before)
    overdue = yield ask("find_overdue_uploads", before=second, limit=limit)
    rows = blobs = 0
    for upload in overdue:
        if rows + blobs >= limit:
            break
        expired = yield ask("expire_upload", id=upload["id"], before=second)
        if expired:
            rows += 1
            blobs += yield from sql_uploads.discard_parts(
                upload["id"], due=due, why=f"{upload['id']} expired"
            )
    return Reclaimed(rows=rows, blobs=blobs)


def expire_files(*, before: float, due: float, limit: int) -> Transaction[Reclaimed]:
    second = math.floor(before)
    overdue = yield ask("find_overdue_files", before=second, limit=limit)
    rows = blobs = 0
    for file in overdue:
        if rows + blobs >= limit:
            break
        expired = yield ask("expire_file", id=file["id"], before=second)
        if expired:
            rows += 1
            blobs += yield from sql_files.discard_extents(file["id"], due=due, why=f"{file['id']} expired")
    return Reclaimed(rows=rows, blobs=blobs)


def forget_uploads(*, before: float, limit: int) -> Transaction[Reclaimed]:
    forgotten = yield ask("forget_uploads", before=math.ceil(before), limit=limit)
    return Reclaimed(rows=len(forgotten))


def list_garbage(*, due: float, limit: int) -> Transaction[list[str]]:
    rows = yield ask("list_garbage", due=due, limit=limit)
    return [row["blob"] for row in rows]


def forget_garbage(keys: Collection[str]) -> Transaction[None]:
    # in one order everywhere, so that two who do the same do not lock each other out
    yield for_each("forget_garbage", [{"blob": key} for key in sorted(keys)])


def postpone_garbage(keys: Collection[str], *, due: float) -> Transaction[None]:
    yield for_each("postpone_garbage", [{"blob": key, "due": due} for key in sorted(keys)])


def list_orphans(keys: Collection[str]) -> Transaction[list[str]]:
    known: set[str] = set()
    for size, found in groupby(sorted(keys, key=len), key=len):
        alike = list(found)
        for start in range(0, len(alike), AT_ONCE):
            rows = yield ask("find_blobs", keys="".join(alike[start : start + AT_ONCE]), size=size)
            known.update(row["blob"] for row in rows)
    return [key for key in keys if key not in known]


def condemn(keys: Collection[str], *, due: float) -> Transaction[list[str]]:
    yield EXCLUDE_ARRIVALS
    rows = yield ask_each("condemn_blob", [{"blob": key, "due": due, "why": ORPHANED} for key in keys])
    return [row["blob"] for row in rows]


def make_durable() -> Transaction[None]:
    yield DURABLY
    yield ask("beat")


def list_condemned(*, after: str, limit: int) -> Transaction[list[Condemned]]:
    rows = yield ask("list_condemned", after=after, limit=limit)
    return [Condemned(blob=row["blob"], due=row["due"], why=row["why"] or UNTOLD) for row in rows]


def list_expiring(
    *, uploads_before: float, files_before: float, after: str, limit: int
) -> Transaction[list[Expiring]]:
    overdue = yield ask(
        "list_overdue",
        uploads_before=math.ceil(uploads_before),
        files_before=math.floor(files_before),
        after=after,
        limit=limit,
    )
    found = []
    for one in overdue:
        rows = yield ask("list_owned", id=one["id"])
        found.append(Expiring(owner=one["id"], blobs=[row["blob"] for row in rows]))
    return found


def find_search() -> Transaction[Search | None]:
    rows = yield ask("find_search")
    return Search(at=rows[0]["searched_at"], doubted_at=rows[0]["doubted_at"]) if rows else None


def remember_search(search: Search | None) -> Transaction[None]:
    if search is None:
        yield ask("forget_search")
    else:
        yield ask("remember_search", searched_at=search.at, doubted_at=search.doubted_at)


def tell_time(given: float | None) -> Transaction[float]:
    [row] = yield ask("now", given=given)
    return float(row["now"])


def find_newest() -> Transaction[list[str]]:
    [row] = yield ask("find_newest")
    return [id for id in (row["upload"], row["part"], row["file"]) if id is not None]


def take_lease(name: str, holder: str, *, now: float, until: float) -> Transaction[bool]:
    longest = until + (until - now)  # leases of a name last alike; clocks may differ a little
    rows = yield ask("take_lease", name=name, holder=holder, now=now, until=until, longest=longest)
    return bool(rows)


def find_installation(fresh: str) -> Transaction[Installation]:
    rows = yield ask("find_installation")
    if not rows:
        yield ask("name_installation", name=fresh)
        rows = yield ask("find_installation")
    return Installation(name=rows[0]["name"], marked=bool(rows[0]["marked"]))


def mark_installation() -> Transaction[None]:
    yield ask("mark_installation")
    yield ask("forget_search")  # what is there was not looked through by this catalog's sweeper yet


def beat() -> Transaction[None]:
    yield ask("beat")
