"""Puts the service together: the one module that knows the API and what stands below it."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict

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
from heavylift.catalog import UnfitCatalog
from heavylift.environment import WrongSetting
from heavylift.logs import configure_logs
from heavylift.service.files import Files
from heavylift.service.ownership import WrongBlobs
from heavylift.service.ports import Clock, StorageDown, StorageFull
from heavylift.service.sweeper import Swept
from heavylift.service.sweeping import Sweeping
from heavylift.service.timekeeping import Timekeeping, keep_time
from heavylift.service.uploads import Uploads
from heavylift.settings import Settings
from heavylift.stores import Stores, bootstrap, complain, make_keys, make_sweeper, open_to_serve

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


def make_sweeping(settings: Settings, stores: Stores, timekeeping: Timekeeping) -> Sweeping:
    """The same in the background. It logs what it does."""
    clock = timekeeping.clock
    return Sweeping(
        make_sweeper(settings, stores, clock=clock), stores.catalog,
        clock=clock, agree=timekeeping.agree, interval=settings.sweep_interval,
        report=_report, complain=complain,
    )  # fmt: skip


def _report(swept: Swept) -> None:
    if any(asdict(swept).values()):
        log.info("sweep", **asdict(swept))
    if swept.spared is not None:
        log.warning("sweep.spared", **asdict(swept.spared))


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
        purposes=settings.purpose_table,
        access_log=settings.access_log,
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


def app() -> ASGIApp:
    """The service as the environment sets it: what `uvicorn heavylift.wiring:app --factory` runs."""
    settings = Settings()
    configure_logs(settings.log_format, settings.log_level)
    service = build_app(settings)
    sys.setswitchinterval(SWITCH)
    gc.freeze()  # what is loaded now stays: the collector need not look at it with every small request
    gc.set_threshold(GARBAGE)
    return service
