"""Where the stores of installations lie, on a disk or in a bucket, and whether one lies within another's."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from heavylift.blobs import folder_of, prefix_of
from heavylift.catalog import file_of
from heavylift.service.ownership import MARK, WrongBlobs
from heavylift.settings import CATALOG, Settings


class Entangled(ValueError):
    """Two installations would lie in one another. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The catalog's file and the blobs' folder, each None if there is none; of an object store, the bucket
    and the parts of the prefix. `home` is the folder that both of them lie in, side by side."""

    catalog: Path | None
    blobs: Path | None
    prefix: tuple[str, ...] | None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those that the settings name. Raises UnfitCatalog and ValueError for URLs that are none."""
        return cls(
            catalog=file_of(settings.catalog_url),
            blobs=folder_of(settings.blobs_url),
            prefix=prefix_of(settings.blobs_url),
        )

    @property
    def home(self) -> Path | None:
        """The folder that an installation has for itself, or shares with what else lies there."""
        if self.catalog is None or self.blobs is None:
            return None
        around = self.catalog.absolute().parent
        return around if is_same_file(around, self.blobs.absolute().parent) else None

    @property
    def data(self) -> Path | None:
        """The same, if it is a data folder, however it was said."""
        names = tuple(path and path.name for path in (self.catalog, self.blobs))
        return self.home if names == (CATALOG, "blobs") else None


def check_apart(old: Settings, new: Settings) -> None:
    """Make sure that neither lies in the other: what one is searched or removed for is the other's. The blobs
    of both may be the same, and a catalog lie beside a catalog. Raises Entangled."""
    one, other = Places.of(old), Places.of(new)
    if _are_entangled(one, other) or _are_entangled(other, one):
        raise Entangled(
            "the old and the new installation would lie in one another, and who looks through the one, or"
            " removes it, would meet the other: name a folder, or a bucket and prefix, of its own for the new"
            " one"
        )


def check_clear(settings: Settings) -> None:
    """Make sure that an installation which is still to be made is not made among another's blobs. Raises
    WrongBlobs."""
    place = Places.of(settings)
    for path in filter(None, (place.catalog, place.blobs)):
        for above in _above(path):
            if above != place.blobs and (above / MARK).exists():
                raise WrongBlobs(
                    f"{path} would lie among the blobs of another installation, which are in {above}."
                    " Name a folder of its own for this one."
                )


def is_same_file(one: Path, other: Path) -> bool:
    """Whether both paths lead to one place, be it there or not."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def _are_entangled(inner: Places, outer: Places) -> bool:
    """Whether something of `inner` lies in what `outer` is searched through or removed with."""
    if inner.prefix and outer.prefix and inner.prefix[:-1][: len(outer.prefix)] == outer.prefix:
        return True
    if inner.home and outer.data and _lies_in(inner.home, outer.data):
        return True
    if outer.blobs is None or (inner.blobs and is_same_file(inner.blobs, outer.blobs)):
        return False
    return any(path is not None and _lies_in(path, outer.blobs) for path in (inner.catalog, inner.blobs))


def _lies_in(path: Path, folder: Path) -> bool:
    return any(is_same_file(above, folder) for above in _above(path))


def _above(path: Path) -> tuple[Path, ...]:
    """The folders that a path truly lies in."""
    return tuple(Path(os.path.realpath(path)).parents)
