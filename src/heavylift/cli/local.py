"""What commands on the server's own machine share: its settings, its stores, a clear error."""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from heavylift.cli.exits import USAGE, fail

if TYPE_CHECKING:
    from heavylift.settings import Settings
    from heavylift.wiring import Stores

T = TypeVar("T")

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of the catalog, the blobs and the first key.", show_default=False),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file with settings.", show_default=False),
]


def load_settings(config: Path | None = None, **given: Any) -> "Settings":
    """The settings in force; options that were not given (None) do not count."""
    try:
        from pydantic import ValidationError

        from heavylift.settings import CONFIG_VARIABLE, Settings, config_file, unknown_variables
    except ModuleNotFoundError as error:
        fail(f"this command needs the server: pip install 'heavylift[server]' (no module {error.name})")
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config)
    file = config_file()
    if file is not None and not file.is_file():
        fail(f"there is no settings file {file}", status=USAGE)
    for name, meant in unknown_variables().items():
        hint = f"; did you mean {meant}?" if meant else ""
        typer.echo(f"heavylift: warning: {name} is no setting and has no effect{hint}", err=True)
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(step) for step in first["loc"])
        fail(f"setting {name}: {first['msg']}" if name else first["msg"], status=USAGE)
    except ValueError as error:  # a file that is not TOML, a variable that is not JSON
        fail(f"settings cannot be read: {error}", status=USAGE)


def with_stores(
    settings: "Settings",
    work: "Callable[[Stores], Awaitable[T]]",
    *,
    to_serve: bool = False,
    bear: tuple[type[Exception], ...] = (),
) -> T:
    """Run `work` on the stores that the settings name, `to_serve` only on such as can be served;
    what they refuse is said in one line, except for `bear`, which is raised."""
    import asyncio

    from heavylift.wiring import open_stores, open_to_serve

    async def run() -> T:
        async with (open_to_serve if to_serve else open_stores)(settings) as stores:
            return await work(stores)

    with said(bear):
        return asyncio.run(run())


@contextmanager
def said(bear: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """What the stores refuse is said in one line, except for `bear`."""
    from heavylift.catalog import UnfitCatalog
    from heavylift.domain.errors import Refusal
    from heavylift.service.ownership import WrongBlobs
    from heavylift.service.ports import StorageDown, StorageFull

    try:
        yield
    except bear:
        raise
    except (UnfitCatalog, WrongBlobs) as error:
        fail(str(error), status=USAGE)
    except Refusal as refusal:
        fail(refusal.message)
    except (StorageDown, StorageFull) as error:
        fail(f"the storage does not answer: {error}")
