"""What commands on the server's own machine share: its settings, its stores, a clear error."""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from heavylift.cli.exits import USAGE, fail, say
from heavylift.client.systems import WINDOWS

if TYPE_CHECKING:
    from heavylift.settings import Settings
    from heavylift.stores import Stores

T = TypeVar("T")

Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="FOLDER",
        help="Folder of the catalog, the blobs and the first key.",
        show_default=False,
    ),
]
Config = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", help="TOML file with settings.", show_default=False),
]


def load_settings(config: str | None = None, **given: Any) -> "Settings":
    """The settings in force; options that were not given, or are empty, do not count."""
    if WINDOWS:
        fail(
            "the service and the commands beside it need Linux or macOS. On Windows, run them in WSL or in a"
            " container. Commands that talk to a server work here.",
            status=USAGE,
        )
    try:
        from pydantic import ValidationError

        from heavylift.environment import (
            CONFIG_VARIABLE,
            WrongSetting,
            expanded,
            in_file,
            is_blank,
            remarks,
            usable,
        )
        from heavylift.settings import Settings
        from heavylift.shown import explained
    except ModuleNotFoundError as error:
        fail(f"this command needs the server: in a clone, pip install '.[server]' (no module {error.name})")
    if config:
        os.environ[CONFIG_VARIABLE] = config
    for remark in remarks(Settings.model_fields):
        say(f"warning: {remark}")
    given = {name: value for name, value in given.items() if value is not None and not is_blank(value)}
    try:
        if config and not is_blank(config):
            in_file(
                expanded(config), named_by="--config"
            )  # it is read once more: by those who know no options
        settings = Settings(**given)
        with usable("data", settings.data):
            os.path.abspath(settings.data)  # the working folder may be gone
        if settings.catalog:
            check_catalog_url(settings.catalog, named_by=_said_by("catalog", given))
        if settings.blobs:
            check_blobs_url(settings.blobs, named_by=_said_by("blobs", given))
    except ValidationError as error:
        fail(explained(error, given), status=USAGE)
    except (WrongSetting, ValueError) as error:
        fail(str(error), status=USAGE)
    return settings


def check_catalog_url(url: str, *, named_by: str) -> None:
    """Refuse one that no catalog has, by the name of what says it."""
    from heavylift.catalog import UnfitCatalog, check_url

    try:
        check_url(url, named_by=named_by)
    except UnfitCatalog as error:
        fail(str(error), status=USAGE)


def check_blobs_url(url: str, *, named_by: str) -> None:
    """Refuse one that no store of blobs has, by the name of what says it."""
    from heavylift.blobs import check_url

    try:
        check_url(url)
    except ValueError as error:
        fail(f"{named_by}: {error}", status=USAGE)


def _said_by(name: str, given: dict[str, Any]) -> str:
    """What a message calls the place that a setting comes from."""
    from heavylift.environment import PREFIX, origin

    place = origin(name, given)
    return place if place.startswith(PREFIX) else f"{place}: {name}"


def with_stores(
    settings: "Settings",
    work: "Callable[[Stores], Awaitable[T]]",
    *,
    to_serve: bool = False,
    bear: tuple[type[Exception], ...] = (),
) -> T:
    """Run `work` on the stores of the installation that the settings name; `to_serve`, on a new one too, but
    only on such as can be served. What they refuse is one line, except for `bear`, which is raised."""
    import asyncio

    from heavylift.stores import open_existing, open_to_serve

    async def run() -> T:
        async with (open_to_serve if to_serve else open_existing)(settings) as stores:
            return await work(stores)

    with said(bear):
        return asyncio.run(run())


@contextmanager
def said(bear: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """What the stores refuse is said in one line, except for `bear`."""
    from heavylift.catalog import UnfitCatalog
    from heavylift.domain.errors import Refusal
    from heavylift.environment import WrongSetting
    from heavylift.service.ownership import WrongBlobs
    from heavylift.service.ports import StorageDown, StorageFull

    try:
        yield
    except bear:
        raise
    except (UnfitCatalog, WrongBlobs, WrongSetting) as error:
        fail(str(error), status=USAGE)
    except Refusal as refusal:
        fail(refusal.message)
    except StorageDown as error:
        fail(f"the storage does not answer: {error}")
    except StorageFull as error:
        fail(str(error))
