"""`heavylift serve`: run the service."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heavylift.cli.exits import USAGE, fail, one_line, say
from heavylift.cli.local import Config, Data, load_settings, with_stores

if TYPE_CHECKING:
    from heavylift.api.run import Listening
    from heavylift.cli.announcement import Announcement
    from heavylift.service.keys import FirstKey
    from heavylift.settings import Settings


def serve(
    config: Config = None,
    data: Data = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port; 0 picks a free one. Default: 8321.", show_default=False)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that share the port. Default: 1.", show_default=False)
    ] = None,
    tls_cert: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="PEM certificate chain, to serve https.", show_default=False),
    ] = None,
    tls_key: Annotated[
        str | None, typer.Option(metavar="FILE", help="Its PEM private key.", show_default=False)
    ] = None,
) -> None:
    """Run the service. The first start makes an API key: kept in a file, and shown once on a terminal."""
    given = {
        "data": data, "host": host, "port": port, "workers": workers,
        "tls_cert": tls_cert, "tls_key": tls_key,
    }  # fmt: skip
    settings = load_settings(config, **given)
    pass_on(given)

    from heavylift.api.run import CannotServe, Listening, prepare
    from heavylift.cli.announcement import Announcement
    from heavylift.logs import configure_logs
    from heavylift.service.keys import FirstKey
    from heavylift.service.ports import StorageDown, StorageFull
    from heavylift.stores import Stores, bootstrap, make_keys

    async def first_key(stores: Stores) -> FirstKey:
        return await bootstrap(settings, make_keys(stores))

    announcement = Announcement(settings)

    def reload() -> Listening | None:
        return reloaded(announcement, config, given)

    configure_logs(settings.log_format, settings.log_level)
    try:
        prepared = prepare("heavylift.wiring:app", listening(settings))
    except CannotServe as error:
        fail(str(error), status=USAGE)
    try:
        tell(
            with_stores(settings, first_key, to_serve=True, bear=(StorageDown, StorageFull)),
            kept_in=settings.key_file,
        )
    except (StorageDown, StorageFull) as error:
        trouble = "has no room" if isinstance(error, StorageFull) else "does not answer"
        say(f"the storage {trouble}. The service starts, and is ready once that is over. {error}")

    raise typer.Exit(
        prepared.serve(reload=reload, announce=announcement.make, withdraw=announcement.withdraw)
    )


def reloaded(announcement: "Announcement", config: str | None, given: dict[str, Any]) -> "Listening | None":
    """The settings as they are now; None, and why is said, for those that cannot be used."""
    try:
        settings = load_settings(config, **given)
    except typer.Exit:
        return None
    from heavylift.api.run import CannotServe

    found = listening(settings)
    with suppress(CannotServe):  # then it is refused, which is said by whoever refuses it
        found.certificate()
        announcement.renew(settings)
    return found


def listening(settings: "Settings") -> "Listening":
    """What of the settings concerns the port."""
    from heavylift.api.run import Listening

    return Listening(
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        tls_cert=settings.tls_cert,
        tls_key=settings.tls_key,
        keep_alive=settings.keep_alive,
        head_timeout=settings.head_timeout,
        stop_grace=settings.stop_grace,
        worker_timeout=settings.worker_timeout,
    )


def tell(first: "FirstKey", *, kept_in: Path) -> None:
    """A new key is shown to a person. What is not a terminal is often a log, which others read."""
    if first.secret is not None and sys.stdout.isatty():
        typer.echo(f"API key (kept in {one_line(str(kept_in))}, shown this once): {first.secret}")
    elif first.secret is not None:
        typer.echo(f"API key: kept in {one_line(str(kept_in))}, for its owner alone to read")
    if first.remark is not None:
        say(first.remark)


def pass_on(given: dict[str, Any]) -> None:
    """Tell the worker processes what the command line said: they read the environment."""
    for name, value in given.items():
        if value is not None:
            os.environ[f"HEAVYLIFT_{name.upper()}"] = str(value)
