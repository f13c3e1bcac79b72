"""Puts the pieces together: the only module that knows every concrete class."""

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from secrets import token_hex

import structlog
from starlette.types import ASGIApp

from heavylift.api.app import create_app
from heavylift.api.body import Patience
from heavylift.api.context import Context
from heavylift.api.gate import Gate
from heavylift.api.opening import Opening
from heavylift.api.rate import RateLimit
from heavylift.api.readers import Readers
from heavylift.api.readiness import Readiness
from heavylift.api.server.bounds import Bounds
from heavylift.blobs import lay_out_blobs, open_blobs
from heavylift.catalog import (
    UnfitCatalog,
    check_place,
    check_there,
    migrate_catalog,
    open_catalog,
    open_to_read,
    unserved,
    while_serving,
)
from heavylift.environment import WrongSetting, usable
from heavylift.logs import configure_logs
from heavylift.private import make_folder, write_anew
from heavylift.service.files import Files
from heavylift.service.keys import FirstKey, Keys
from heavylift.service.moving import House, Move, Moved
from heavylift.service.ownership import WrongBlobs, claim
from heavylift.service.ports import BlobStore, Catalog, Clock, NotDeleted, StorageDown, StorageFull
from heavylift.service.sweeper import Sweeper, Swept
from heavylift.service.sweeping import Sweeping
from heavylift.service.timekeeping import ClockAstray, Timekeeping, keep_time
from heavylift.service.uploads import Uploads
from heavylift.service.waiting import ended
from heavylift.settings import Durability, Settings
from heavylift.shown import shown_url

log = structlog.get_logger("heavylift.sweeper")
starting = structlog.get_logger("heavylift.server")

AWAY: dict[type[Exception], str] = {
    StorageDown: "The catalog or the blob store does not answer.",
    StorageFull: "The catalog or the blob store has no room left.",
    UnfitCatalog: "The catalog cannot be used.",
    WrongBlobs: "The blobs are not there, or not of this catalog.",
    WrongSetting: "A folder or a file cannot be used.",
    OSError: "A folder or a file cannot be used.",
}
"""What opening the stores of an installation that was in order can raise: a database that restarts, a disk
that is not mounted. A process that serves waits for them; the command line looks before it starts one."""

SWITCH = 0.0005
"""Seconds after which a thread that waits for the interpreter gets it. Python's 0.005 is what a small
request beside bulk bodies would wait, more than once."""

GARBAGE = 50_000
"""Allocations between two looks for cycles. Python's 700 costs a small request a twentieth of its time."""

NAMED = 20
"""Blobs that a line of the log names."""


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
    lay_out(settings)  # the sign that we serve lies there too
    with while_serving(settings.catalog_url):
        async with open_stores(settings, clock=clock) as stores:
            await claim(stores.catalog, stores.blobs)
            yield stores


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
    `service.moving`."""
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
    return Sweeper(stores.catalog, stores.blobs, clock=clock, schedule=settings.schedule, complain=_complain)


def make_sweeping(settings: Settings, stores: Stores, timekeeping: Timekeeping) -> Sweeping:
    """The same in the background. It logs what it does."""
    clock = timekeeping.clock
    return Sweeping(
        make_sweeper(settings, stores, clock=clock), stores.catalog,
        clock=clock, agree=timekeeping.agree, interval=settings.sweep_interval,
        report=_report, complain=_complain,
    )  # fmt: skip


def _report(swept: Swept) -> None:
    if any(asdict(swept).values()):
        log.info("sweep", **asdict(swept))
    if swept.spared is not None:
        log.warning("sweep.spared", **asdict(swept.spared))


def _complain(error: Exception) -> None:
    if isinstance(error, ClockAstray):
        log.error("clock.astray", reason=str(error))
    elif isinstance(error, NotDeleted):
        named = dict(list(error.reasons.items())[:NAMED])
        log.error("sweep.stuck", count=len(error.reasons), blobs=named)
    else:
        log.error("sweep.failed", exc_info=error)


def build_app(settings: Settings, *, clock: Clock | None = None) -> ASGIApp:
    """The service as an ASGI application. It opens its stores when the server starts. `clock` goes before
    the catalog's and this machine's."""

    gate = Gate(settings.max_bodies)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Context]:
        async with open_to_serve(settings, clock=clock) as stores:
            timekeeping = await keep_time(stores.catalog, clock)
            sweeper = make_sweeping(settings, stores, timekeeping)
            context = make_context(settings, stores, sweeper, gate, timekeeping)
            first = await bootstrap(settings, context.keys)
            if first.secret is not None:
                starting.info("key.made", file=str(settings.key_file))
            if first.remark is not None:
                starting.warning("key.beside", reason=first.remark)
            sweeping = asyncio.create_task(sweeper.run())
            try:
                yield context
            finally:
                sweeping.cancel()
                with suppress(asyncio.CancelledError):
                    await sweeping

    bounds = Bounds(
        head_bytes=settings.max_head_bytes,
        head_seconds=settings.head_timeout,
        idle_seconds=settings.idle_timeout,
        keep_alive=settings.keep_alive,
        lane=settings.lane,
    )
    return create_app(
        lambda: Opening(opened, away=AWAY),
        bounds=bounds, gate=gate,
        cors_origins=settings.cors_origins,
        answers_to=settings.answers_to if settings.auth == "off" else None,
        compatible_paths=settings.compatible_paths,
    )  # fmt: skip


def make_context(
    settings: Settings, stores: Stores, sweeper: Sweeping, gate: Gate, timekeeping: Timekeeping
) -> Context:
    """The stories over those stores, and the edge's own state."""
    clock, numbering = timekeeping.clock, timekeeping.numbering
    limits, table = settings.limits, settings.purpose_table
    catalog, blobs, checks = stores.catalog, stores.blobs, settings.purpose_checks
    return Context(
        uploads=Uploads(
            catalog, blobs, clock=clock, numbering=numbering, limits=limits, purposes=table, checks=checks,
            delete_grace=settings.delete_grace, orphan_grace=settings.orphan_grace, wake=sweeper.wake,
        ),
        files=Files(
            catalog, blobs, clock=clock, numbering=numbering, limits=limits, purposes=table, checks=checks,
            delete_grace=settings.delete_grace, orphan_grace=settings.orphan_grace,
            closed_purposes=settings.closed_purposes, wake=sweeper.wake,
        ),
        keys=make_keys(stores, clock=clock),
        readiness=Readiness(
            {"catalog": catalog.ping, "blob store": blobs.ping, "clock of this machine": timekeeping.agree}
        ),
        limits=limits,
        gate=gate,
        readers=Readers(settings.max_downloads, of_project=settings.max_project_downloads),
        patience=Patience(
            idle=settings.idle_timeout, total=settings.body_timeout, rate=settings.body_rate
        ),
        document_patience=Patience(
            idle=settings.idle_timeout, total=min(settings.json_timeout, settings.body_timeout)
        ),
        rate=RateLimit(settings.rate_limit),
        authenticate=settings.auth == "on",
        api_key_header=settings.compatible_paths,
    )  # fmt: skip


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


def keep_key(settings: Settings, secret: str) -> None:
    """Write a key where nobody but the owner of the file may read it. Raises WrongSetting."""
    path = settings.key_file
    with usable("data", settings.data):
        make_folder(settings.data)
        write_anew(path, secret + "\n", fresh=path.with_name(f"{path.name}-{token_hex(8)}"))


def app() -> ASGIApp:
    """The service as the environment sets it: what `uvicorn heavylift.wiring:app --factory` runs."""
    settings = Settings()
    configure_logs(settings.log_format, settings.log_level)
    service = build_app(settings)
    sys.setswitchinterval(SWITCH)
    gc.freeze()  # what is loaded now stays: the collector need not look at it with every small request
    gc.set_threshold(GARBAGE)
    return service
