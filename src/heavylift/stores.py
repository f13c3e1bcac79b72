"""Opens the two stores of an installation, and makes what works on them alone: all but what serves."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from secrets import token_hex

import structlog

from heavylift.blobs import lay_out_blobs, open_blobs
from heavylift.catalog import (
    check_place,
    check_there,
    file_of,
    is_there,
    migrate_catalog,
    open_catalog,
    open_to_read,
    unserved,
    while_serving,
)
from heavylift.client.address import read_own
from heavylift.environment import WrongSetting, usable
from heavylift.places import check_apart, check_clear
from heavylift.private import make_folder, write_anew, write_once
from heavylift.service.keys import FirstKey, Keys, is_secret
from heavylift.service.moving import House, Move, Moved
from heavylift.service.ownership import WrongBlobs, check_unclaimed, claim
from heavylift.service.ports import NAMED, BlobStore, Catalog, Clock, NotDeleted, StorageDown
from heavylift.service.sweeper import Sweeper
from heavylift.service.timekeeping import ClockAstray
from heavylift.service.waiting import ended
from heavylift.settings import Durability, Settings
from heavylift.shown import shown_url

log = structlog.get_logger("heavylift.sweeper")

OF_OTHERS = 0o077
"""The rights to a file that are not its owner's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The two stores of one installation."""

    catalog: Catalog
    blobs: BlobStore


@asynccontextmanager
async def open_stores(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Stores]:
    """The stores that the settings name, made where there are none, closed in the end.

    `clock` goes before their own. Raises UnfitCatalog, WrongSetting, StorageDown.
    """
    durable = settings.durability is Durability.STRICT
    lay_out(settings)
    catalog = await _open_catalog(settings, durable=durable, clock=clock)
    try:
        blobs = _opened_blobs(settings, durable=durable, clock=clock or time.time)
        try:
            yield Stores(catalog=catalog, blobs=blobs)
        finally:
            await blobs.close()
    finally:
        await catalog.close()


async def _open_catalog(settings: Settings, *, durable: bool, clock: Clock | None) -> Catalog:
    """In a thread: a database that hangs must not keep the loop from saying so."""
    opening = asyncio.ensure_future(
        asyncio.to_thread(
            open_catalog, settings.catalog_url, durable=durable, clock=clock,
            pool_size=settings.catalog_pool_size, prepared_statements=settings.catalog_prepared_statements,
        )
    )  # fmt: skip
    cancelled = await ended(opening)
    if cancelled is not None:
        if opening.exception() is None:
            await opening.result().close()
        raise cancelled
    return opening.result()


def check_installed(settings: Settings, *, named_by: str | None = None) -> None:
    """Make sure that there is an installation: only a start and `migrate` make one. Raises UnfitCatalog,
    which says what the place is `named_by`."""
    place = "HEAVYLIFT_CATALOG" if settings.catalog else "--data or HEAVYLIFT_DATA"
    check_there(settings.catalog_url, named_by=named_by or place)


@asynccontextmanager
async def open_existing(settings: Settings) -> AsyncIterator[Stores]:
    """The stores of an installation that is there. Raises as `check_installed` does, and `open_stores`."""
    check_installed(settings)
    async with open_stores(settings) as stores:
        yield stores


@asynccontextmanager
async def open_to_serve(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Stores]:
    """The stores, if a service can work on them; made where there are none. Raises UnfitCatalog, WrongBlobs
    and WrongSetting, which say what to do."""
    check_place(settings.catalog_url)
    await _check_new(settings)
    lay_out(settings)  # the sign that we serve lies there too
    with while_serving(settings.catalog_url):
        async with open_stores(settings, clock=clock) as stores:
            await claim(stores.catalog, stores.blobs)
            yield stores


async def _check_new(settings: Settings) -> None:
    """Where there is no catalog yet, make sure that it is not made for blobs that another one knows, nor
    among them. Raises WrongBlobs, having made nothing."""
    path = file_of(settings.catalog_url)
    if path is None or is_there(path):
        return
    check_clear(settings)
    try:
        blobs = open_blobs(settings.blobs_url, make=False)
    except (StorageDown, ValueError):  # there are none yet, or whoever opens them in earnest says it
        return
    try:
        await check_unclaimed(blobs, catalog=str(path))
    except WrongBlobs:
        if not is_there(path):  # another process may have made both meanwhile
            raise
    finally:
        await blobs.close()


def lay_out(settings: Settings) -> None:
    """Make the data folder, if anything is to be kept in it. Raises WrongSetting."""
    if settings.catalog is None or settings.blobs is None:
        with usable("data", settings.data):
            make_folder(settings.data)


def _opened_blobs(settings: Settings, *, durable: bool, clock: Clock) -> BlobStore:
    try:
        return open_blobs(settings.blobs_url, durable=durable, reserve=settings.disk_reserve, clock=clock)
    except (StorageDown, ValueError) as error:
        name, value = ("blobs", shown_url(settings.blobs)) if settings.blobs else ("data", settings.data)
        raise WrongSetting(f"setting {name}={value} cannot be used: {error}") from error


def migrate(settings: Settings) -> tuple[str | None, str]:
    """Bring the catalog to what this version needs. Its schema before, if it had one, and after. Blocks."""
    path = file_of(settings.catalog_url)
    if path is not None and not is_there(path):
        check_clear(settings)
    lay_out(settings)
    before, after = migrate_catalog(settings.catalog_url)
    if before is None:  # a new installation has all of its folders, and an old one those that are mounted
        lay_out_blobs(settings.blobs_url)
    return before, after


async def move_data(
    old: Settings,
    new: Settings,
    report: Callable[[Moved], None],
    *,
    replace: bool = False,
    reread: bool = False,
) -> Moved:
    """Move everything from the stores of `old`, which stay as they are, into those of `new`. See
    `service.moving`. Raises Entangled besides."""
    check_apart(old, new)
    with unserved(old.catalog_url):
        async with open_stores_to_read(old) as left:
            await asyncio.to_thread(migrate, new)
            with unserved(new.catalog_url):
                async with open_stores(new) as entered:
                    return await Move(
                        House(catalog=left.catalog, blobs=left.blobs),
                        House(catalog=entered.catalog, blobs=entered.blobs),
                        replace=replace, reread=reread, report=report,
                    ).run()  # fmt: skip


@asynccontextmanager
async def open_stores_to_read(settings: Settings) -> AsyncIterator[Stores]:
    """The stores that the settings name, of whatever schema, of which nothing is made or changed."""
    catalog = await asyncio.to_thread(open_to_read, settings.catalog_url)
    try:
        blobs = open_blobs(settings.blobs_url, make=False)
        try:
            yield Stores(catalog=catalog, blobs=blobs)
        finally:
            await blobs.close()
    finally:
        await catalog.close()


def make_sweeper(settings: Settings, stores: Stores, *, clock: Clock = time.time) -> Sweeper:
    """A sweeper over those stores that logs what it cannot do."""
    return Sweeper(stores.catalog, stores.blobs, clock=clock, schedule=settings.schedule, complain=complain)


def complain(error: Exception) -> None:
    if isinstance(error, ClockAstray):
        log.error("clock.astray", reason=str(error))
    elif isinstance(error, NotDeleted):
        named = dict(islice(error.reasons.items(), NAMED))
        log.error("sweep.stuck", count=error.count, blobs=named)
    else:
        log.error("sweep.failed", exc_info=error)


def make_keys(stores: Stores, *, clock: Clock = time.time) -> Keys:
    """The story of keys over those stores."""
    return Keys(stores.catalog, clock=clock)


async def bootstrap(settings: Settings, keys: Keys) -> FirstKey:
    """Make sure there is a project and a key to it. A new one is in the key file before it opens anything.

    Raises WrongSetting where it cannot be kept.
    """
    given = settings.bootstrap_key
    return await keys.bootstrap(
        given.get_secret_value() if given else None, keep=lambda secret: keep_key(settings, secret)
    )


def keep_key(settings: Settings, secret: str) -> str:
    """Write a key where nobody but the owner of the file may read it, unless there is one, of a start that
    broke off or is under way. Which is there, durably, then. Raises WrongSetting."""
    path = settings.key_file
    line, fresh = f"{secret}\n", path.with_name(f"{path.name}-{token_hex(8)}")
    with usable("data", settings.data):
        make_folder(settings.data)
        write_once(path, line, fresh=fresh)
        kept = (read_own(path) or "").strip()
        if is_secret(kept) and not path.stat().st_mode & OF_OTHERS:
            return kept
        write_anew(path, line, fresh=fresh)  # a link, open to others, or no key
    return secret
