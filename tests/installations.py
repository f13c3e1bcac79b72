"""Where a service under test keeps facts and bytes: SQLite or PostgreSQL, a disk or an object store."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg

from heavylift.blobs.keys import is_key
from tests.contract.engines_postgres import Server
from tests.objects.engines import BUCKET, ObjectStore

SQLITE_DISK, SQLITE_S3 = "sqlite-disk", "sqlite-s3"
POSTGRES_DISK, POSTGRES_S3 = "postgres-disk", "postgres-s3"
COMBINATIONS = (SQLITE_DISK, SQLITE_S3, POSTGRES_DISK, POSTGRES_S3)

ENDS = (SQLITE_DISK, POSTGRES_S3)
"""For what is judged before any store is asked: keys, headers, JSON. Each store is there once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Two stores of one service's own. `store` is the object store, if that is where the bytes are;
    `folder` is there in any case."""

    folder: Path
    catalog: str
    blobs_url: str
    store: ObjectStore | None

    @property
    def env(self) -> Mapping[str, str]:
        """What a process needs in its environment to be this installation."""
        access = self.store.environment() if self.store else {}
        return {**access, "HEAVYLIFT_CATALOG": self.catalog, "HEAVYLIFT_BLOBS": self.blobs_url}

    @property
    def _path(self) -> str:
        """The folder of the blobs, or their prefix in the bucket."""
        return self.blobs_url.removeprefix("file://").removeprefix(f"s3://{BUCKET}/")

    def blobs(self) -> list[str]:
        """The names of all blobs there are."""
        if self.store:
            names = [path.rpartition("/")[2] for path in self.store.objects(self._path)]
        else:
            names = [path.name for path in Path(self._path).rglob("*") if path.is_file()]
        return sorted(name for name in names if is_key(name))

    def ask(self, query: str) -> list[str]:
        """The first column of what the catalog answers."""
        if self.catalog.startswith("sqlite:"):
            with closing(sqlite3.connect(self.catalog.removeprefix("sqlite:///"))) as connection:
                return sorted(row[0] for row in connection.execute(query))
        with psycopg.connect(self.catalog) as connection:
            return sorted(row[0] for row in connection.execute(query.encode()))

    def debris(self) -> dict[str, list[str]]:
        """Bytes that no fact points at, facts that point at nothing, multipart uploads that nobody ends."""
        known = set(self.ask("SELECT blob FROM parts UNION SELECT blob FROM garbage"))
        there = set(self.blobs())
        found = {
            "blobs that nothing points at": sorted(there - known),
            "Parts without their bytes": sorted(set(self.ask("SELECT blob FROM parts")) - there),
            "unfinished multipart uploads": self.store.unfinished(self._path) if self.store else [],
        }
        return {kind: names for kind, names in found.items() if names}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Makes installations of one combination. The engines are started when first asked for."""

    combination: str
    postgres: Callable[[], Server]
    store: Callable[[], ObjectStore]

    def new(self, folder: Path) -> Installation:
        """An empty one; what it keeps on the disk is in that folder."""
        on_sqlite, on_disk = self.combination.startswith("sqlite"), self.combination.endswith("disk")
        return Installation(
            folder=folder,
            catalog=f"sqlite:///{folder}/catalog.sqlite" if on_sqlite else self.postgres().fresh(),
            blobs_url=f"file://{folder}/blobs" if on_disk else f"s3://{BUCKET}/{uuid4().hex}",
            store=None if on_disk else self.store(),
        )


@contextmanager
def left_clean(installation: Installation) -> Iterator[Installation]:
    """For the life of a service on it: nothing pointless is left when the service has stopped."""
    yield installation
    left = installation.debris()
    assert not left, left
