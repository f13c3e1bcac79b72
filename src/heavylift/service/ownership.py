"""Whose bytes these are: a mark beside the blobs names the installation whose catalog knows them.

Two installations over one store would each take the other's bytes for orphans, and delete
them. And a catalog over a store that is not the one it had, a disk that is not mounted or
another machine's folder, would miss all of its bytes. So a service does not start on blobs
that bear no mark, or another's, once its own catalog has marked some.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from heavylift.domain.ids import new_blob_key
from heavylift.service.facts import MovesFacts
from heavylift.service.ports import BlobStore, Catalog

MARK = "heavylift-installation"
"""The mark's name in the store, beside the blobs. Its content is the installation's name."""


STEP = 200
"""Blobs that the catalog is asked for at once."""


class WrongBlobs(Exception):
    """These are not the blobs of this catalog. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What a catalog calls itself, and whether it has ever marked blobs as its own."""

    name: str
    marked: bool


@runtime_checkable
class NamesInstallation(Protocol):
    """What a Catalog may offer besides: a name of its own, which a copy of it keeps."""

    async def installation(self, fresh: str) -> Installation:
        """The catalog's name; `fresh` becomes it if it has none yet."""
        ...

    async def remember_mark(self) -> None:
        """From now on there are marked blobs. Repeatable."""
        ...


@runtime_checkable
class BearsMark(Protocol):
    """What a BlobStore may offer besides: room for a mark that is no blob."""

    async def mark(self) -> str | None:
        """What the mark says; None where there is none. Raises StorageDown."""
        ...

    async def set_mark(self, text: str, *, replace: bool = False) -> None:
        """Set the mark, durably; unless `replace`, one that is there stays. Raises StorageDown and
        StorageFull."""
        ...


async def claim(catalog: Catalog, blobs: BlobStore, *, moving: bool = False) -> None:
    """Make sure that the blobs are this catalog's. The first who comes to unmarked ones marks them, if there
    are none but those that it knows.

    Stores that end with the process need no mark. `moving`: by who moves into them, who may go on with what
    was broken off. Raises WrongBlobs, StorageDown, StorageFull.
    """
    if not (isinstance(catalog, NamesInstallation) and isinstance(blobs, BearsMark)):
        return
    if not moving:
        await _check_settled(catalog)
    ours = await catalog.installation(new_blob_key())
    found = await blobs.mark()
    if found is None and not ours.marked:
        await _check_known(catalog, blobs, ours.name)
        await blobs.set_mark(ours.name)
        found = await blobs.mark()
    if found != ours.name:
        if ours.marked:  # whatever is there when a mark is put there by hand, nobody has looked through it
            await catalog.remember_search(None)
        raise WrongBlobs(_missing(ours.name) if found is None else _foreign(found, ours.name))
    if not ours.marked:
        await catalog.remember_mark()


async def check_unclaimed(blobs: BlobStore, *, catalog: str) -> None:
    """Make sure that blobs are nobody's before a new catalog is made for them, which is `catalog` by name.
    Raises WrongBlobs, StorageDown."""
    if not isinstance(blobs, BearsMark):
        return
    found = await blobs.mark()
    if found is not None:
        whose = f"These blobs belong to another installation: their mark {MARK!r} says {found}"
        raise WrongBlobs(_abandoned(whose, catalog))
    async for key in blobs.older_than(math.inf):
        raise WrongBlobs(_abandoned(f"Something lies here already, {key} for one", catalog))


async def examine(catalog: Catalog, blobs: BlobStore) -> None:
    """The same, setting no mark. Raises WrongBlobs if the blobs are known not to be this catalog's."""
    await _check_settled(catalog)
    if isinstance(catalog, NamesInstallation) and isinstance(blobs, BearsMark):
        ours = await catalog.installation(new_blob_key())
        found = await blobs.mark()
        if found is None and ours.marked:
            raise WrongBlobs(_missing(ours.name))
        if found not in {None, ours.name}:
            raise WrongBlobs(_foreign(str(found), ours.name))


async def _check_settled(catalog: Catalog) -> None:
    """Raises WrongBlobs in the middle of a move: what has not come yet would be missed, or be deleted."""
    journey = await catalog.journey() if isinstance(catalog, MovesFacts) else None
    if journey is not None and journey.digest is None:
        raise WrongBlobs(
            "A move into this catalog has begun and has not come to its end."
            " Run `heavylift migrate-data` again."
        )


async def _check_known(catalog: Catalog, blobs: BlobStore, ours: str) -> None:
    """Raises WrongBlobs if something lies here that the catalog does not know, unless a mark has come
    meanwhile: then another process of ours has begun to write."""
    keys: list[str] = []
    async for key in blobs.older_than(math.inf):
        keys.append(key)
        if len(keys) == STEP:
            await _check_some(catalog, blobs, keys, ours)
            keys = []
    await _check_some(catalog, blobs, keys, ours)


async def _check_some(catalog: Catalog, blobs: BlobStore, keys: list[str], ours: str) -> None:
    assert isinstance(blobs, BearsMark)
    unknown = await catalog.orphans(keys)
    if unknown and await blobs.mark() is None:
        raise WrongBlobs(_unknown(unknown[0], ours))


async def hand_over(catalog: Catalog, blobs: BlobStore) -> None:
    """Make the blobs this catalog's, whosever they were: their facts have moved here."""
    if isinstance(catalog, NamesInstallation) and isinstance(blobs, BearsMark):
        ours = await catalog.installation(new_blob_key())
        await blobs.set_mark(ours.name, replace=True)
        await catalog.remember_mark()


def _abandoned(whose: str, catalog: str) -> str:
    return (
        f"{whose}, and {catalog}, which would be their catalog, is not there. Put it back, from a backup"
        " perhaps, or name it with HEAVYLIFT_CATALOG, or --data. A new service needs a folder, bucket or"
        " prefix of its own, by HEAVYLIFT_BLOBS. Only if that catalog is lost for good, let `heavylift"
        " migrate` make a new one and start again: it says what is to be done with these blobs."
    )


def _unknown(key: str, ours: str) -> str:
    return (
        f"Something lies here that this catalog does not know, {key} for one, and no mark says whose it is."
        " It would be taken for the debris of a crash and deleted. Are these, by HEAVYLIFT_BLOBS, the blobs"
        " of this catalog,"
        " and HEAVYLIFT_CATALOG the catalog of these blobs? A new service needs a folder, bucket or prefix of"
        " its own. Only if all of this is to be this catalog's, and what it does not know may be deleted, put"
        f" a file {MARK!r} beside the blobs that holds {ours}, and start again."
    )


def _missing(ours: str) -> str:
    return (
        f"The blobs of this catalog are not where the settings say: their mark {MARK!r} is missing."
        " Is the disk mounted, and is HEAVYLIFT_BLOBS the folder, or bucket and prefix, that it was?"
        " On several machines a folder must be one and the same for all. If all blobs were brought here"
        f" by hand, put a file of that name beside them that holds {ours} and start again."
    )


def _foreign(found: str, ours: str) -> str:
    return (
        f"These blobs belong to another installation: their mark {MARK!r} says {found}, this catalog is"
        f" {ours}. Two installations over the same blobs would delete each other's. Give this one a folder,"
        " bucket or prefix of its own by HEAVYLIFT_BLOBS, or start it on the catalog that these blobs belong"
        " to; several machines share one by HEAVYLIFT_CATALOG=postgresql://... Only if that other catalog is"
        f" lost for good, let the mark say {ours} and start again: bytes that this catalog does not know are"
        " deleted after a while."
    )
