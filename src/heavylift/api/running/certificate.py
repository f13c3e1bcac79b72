"""The certificate that is served: loaded before anybody is promised anything, loaded anew when it changes."""

import ssl
from pathlib import Path

import structlog

log = structlog.get_logger("heavylift.server")


class Certificate:
    """A chain and its key. `context` is for the connections that come: those that are open keep theirs.

    Raises OSError, of which ssl.SSLError is one, if it cannot be loaded.
    """

    def __init__(self, chain: Path, key: Path) -> None:
        self._chain, self._key = chain, key
        self._seen = self._look()
        self.context = self._load()

    def renew(self) -> None:
        """Load it anew. One that cannot be loaded is told in the log, and the one before goes on."""
        self._seen = self._look()
        try:
            self.context = self._load()
        except OSError as error:
            log.error("certificate.refused", chain=str(self._chain), key=str(self._key), reason=str(error))
        else:
            log.info("certificate.loaded", chain=str(self._chain))

    def renew_if_changed(self) -> None:
        """Load it anew if either file is another one than it was, or has other content."""
        if self._look() != self._seen:
            self.renew()

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._chain, self._key, password=_no_password)
        return context

    def _look(self) -> list[tuple[int, int, int] | None]:
        """What tells that a file was written, or another put in its place."""
        found: list[tuple[int, int, int] | None] = []
        for path in (self._chain, self._key):
            try:
                stat = path.stat()
            except OSError:  # between two steps of whoever renews it
                found.append(None)
            else:
                found.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
        return found


def _no_password() -> str:
    """Nobody is asked at a terminal: there may be none."""
    raise OSError("the key is encrypted, and there is nobody to ask for its password")
