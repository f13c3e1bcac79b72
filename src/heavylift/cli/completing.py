"""What the shell offers while a word is typed: purposes, ids and names. Paths it offers itself."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import typer

if TYPE_CHECKING:
    from heavylift.client.client import Heavylift

PURPOSES: Final = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
"""Those of the protocol. An operator's own ones are taken, too."""
OFFERED: Final = 200
"""The newest so many Files or Uploads are looked through."""
PATIENCE_MS: Final = 2_000
"""Somebody has pressed a key and waits."""


def purposes(incomplete: str) -> list[str]:
    """The purposes that begin so."""
    return [one for one in PURPOSES if one.startswith(incomplete)]


def files(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of Files that begin so, or whose names do."""
    return _fitting(context, incomplete, lambda client: client.files.list_files(limit=OFFERED))


def uploads(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of Uploads that begin so, or whose names do."""
    return _fitting(context, incomplete, lambda client: client.uploads.list_uploads(limit=OFFERED))


def _fitting(context: typer.Context, incomplete: str, ask: Any) -> list[tuple[str, str]]:
    from heavylift.client.errors import HeavyliftError

    try:
        return list(_offers(context, incomplete, ask))
    except (HeavyliftError, OSError):
        return []  # a shell that completes shows nothing of what went wrong


def _offers(context: typer.Context, incomplete: str, ask: Any) -> Iterator[tuple[str, str]]:
    from heavylift.cli.exits import one_line

    with _asking(context) as client:
        for one in ask(client):
            if one.id.startswith(incomplete):
                yield one.id, one_line(one.filename)
            elif incomplete and one.filename.startswith(incomplete):
                yield one_line(one.filename), one.id


def _asking(context: typer.Context) -> "Heavylift":
    """A client that gives up soon. Raises what finding server and key raises."""
    import logging

    from heavylift.cli.everywhere import said_so_far
    from heavylift.client.client import Heavylift
    from heavylift.client.logs import LOGGER
    from heavylift.client.retries import RetryConfig

    LOGGER.addHandler(logging.NullHandler())
    LOGGER.propagate = False
    server = said_so_far(context).located()
    return Heavylift.of(server.setting(retries=RetryConfig("none"), silence_ms=PATIENCE_MS))
