"""What a service says when it serves: to people, to the log, and to clients on this machine."""

import shlex
import sys
from collections.abc import Iterator

import structlog
import typer

from heavylift._version import __version__
from heavylift.address import AddressFile
from heavylift.api.lane import SUPPORTED
from heavylift.cli.exits import one_line
from heavylift.cli.systemd import notify
from heavylift.client.address import Address, this_network
from heavylift.settings import Settings

log = structlog.get_logger("heavylift.server")


class Announcement:
    """Made when the service serves, renewed with its settings, withdrawn when it stops."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = AddressFile(settings.data)
        self._here: str | None = None

    def make(self, url: str, here: str) -> None:
        """The service is at this URL; for clients on this machine, `here`."""
        self._here = here
        self._write()
        typer.echo(f"heavylift serves {url}")
        at_terminal = sys.stdout.isatty()
        for line in (*(self._facts(here) if at_terminal else ()), *self._exports(here)):
            typer.echo(line)
        if not at_terminal:
            log.info(
                "server.serves", url=url, version=__version__, data=str(self._settings.data.absolute()),
                workers=self._settings.workers, fast_way=self._fast_way, docs=_docs(here),
            )  # fmt: skip
        notify("READY=1", f"STATUS=serves {url}")

    def renew(self, settings: Settings) -> None:
        """The settings have changed. Where the service is has not, nor what it keeps there."""
        kept = self._settings
        self._settings = settings.model_copy(update={"data": kept.data, "workers": kept.workers})
        if self._here is not None:
            self._write()

    def withdraw(self) -> None:
        """No client should come any more. Harmless when repeated."""
        self._here = None
        notify("STOPPING=1", "STATUS=finishes what is under way")
        self._file.remove()

    def _write(self) -> None:
        certificate, here = self._settings.tls_cert, self._here or ""
        address = Address(
            url=here,
            asks_key=self._settings.auth == "on",
            certificate=None if certificate is None else str(certificate.absolute()),
            network=this_network(),
        )
        try:
            self._file.write(address)
        except OSError as error:  # clients can still be told
            log.info("server.address_not_kept", folder=str(self._settings.data), reason=error.strerror)

    @property
    def _fast_way(self) -> bool:
        return SUPPORTED and self._settings.lane and self._settings.tls_cert is None

    def _facts(self, here: str) -> Iterator[str]:
        yield f"  version   {__version__}"
        yield f"  data      {one_line(str(self._settings.data.absolute()))}"
        yield f"  workers   {self._settings.workers}"
        yield f"  fast way  {'on' if self._fast_way else 'off (TLS, LANE=false, or no Linux)'}"
        yield f"  docs      {_docs(here)}"

    def _exports(self, here: str) -> Iterator[str]:
        """What a second shell needs, for every client of OpenAI's protocol. The key is not shown again."""
        yield f"export OPENAI_BASE_URL={shlex.quote(here)}"
        file = self._settings.key_file.absolute()
        if self._settings.auth == "off":
            yield "export OPENAI_API_KEY=none  # no key is asked for, but most clients want to send one"
        elif self._settings.bootstrap_key is None and file.is_file():
            yield f"export OPENAI_API_KEY=$(cat {shlex.quote(str(file))})"
        else:
            yield "# export OPENAI_API_KEY=...  the key that was chosen, or one of `heavylift keys create`"


def _docs(here: str) -> str:
    return here.removesuffix("/v1") + "/docs"
