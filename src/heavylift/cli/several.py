"""Several things on one command line: one that fails does not keep the others from their turn."""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeVar

import typer

from heavylift.cli.exits import KEY_REFUSED, UNREACHABLE, complain
from heavylift.cli.failures import explained, facts_of, status_of
from heavylift.client.errors import HeavyliftError, InvalidRequestError, NotFoundError

if TYPE_CHECKING:
    from heavylift.cli.connection import Server
    from heavylift.client.client import Heavylift

T = TypeVar("T")

NAMES_SHOWN: Final = 5
"""Ids that a message about a name of several Files lists."""
OURS: Final = re.compile(r"file-[0-9A-Za-z]{22}")
ANY: Final = re.compile(r"[\w=-]+", re.ASCII)
"""Ids of heavylift servers, and of whichever servers."""
NO_NAMES: Final = frozenset({"", ".", ".."})


def each(server: "Server", things: Iterable[T], work: Callable[[T], object], *, alone: bool) -> int:
    """`work` for each of them; the exit code of the first failure, or 0.

    A failure is one line, which begins with its thing unless that is `alone`. The rest is left when nobody
    would take it: the key is refused, or the server is gone.
    """
    first = 0
    for thing in things:
        try:
            work(thing)
        except BrokenPipeError:
            raise  # who reads our output has seen enough
        except (HeavyliftError, OSError) as error:
            status = status_of(error)
            told = explained(error, server_url=server.url, secret=server.api_key)
            complain(told if alone else f"{thing}: {told}", status=status, facts=facts_of(error))
            first = first or status
            if status in {KEY_REFUSED, UNREACHABLE}:
                break
    return first


def for_each(server: "Server", things: list[str], work: Callable[[str], object]) -> None:
    """The same, and out with that code if there was a failure."""
    if status := each(server, things, work, alone=len(things) == 1):
        raise typer.Exit(status)


class Names:
    """Which Files are meant: by their ids, or by names that only one File has.

    What looks like an id of a heavylift server is one. Anything else is looked up, as an id if it can be
    one, then as a name among all Files, which are listed once. What is no name either is left to the server
    to refuse.
    """

    def __init__(self, client: "Heavylift") -> None:
        self._client = client
        self._ids: dict[str, list[str]] | None = None

    def id_of(self, text: str) -> str:
        """Raises InvalidRequestError for a name of several Files."""
        if OURS.fullmatch(text) or text in NO_NAMES or (ANY.fullmatch(text) and self._is_known(text)):
            return text
        found = self._named(text)
        if len(found) > 1:
            more = ", …" if len(found) > NAMES_SHOWN else ""
            raise InvalidRequestError(
                f"{len(found)} Files have the name {text}; say which by its id: "
                f"{', '.join(found[:NAMES_SHOWN])}{more}"
            )
        return found[0] if found else text

    def _named(self, text: str) -> list[str]:
        if self._ids is None:
            self._ids = {}
            for file in self._client.files.list_files():
                self._ids.setdefault(file.filename, []).append(file.id)
        return self._ids.get(text, [])

    def _is_known(self, text: str) -> bool:
        try:
            self._client.files.retrieve_file(text)
        except NotFoundError:
            return False
        return True
