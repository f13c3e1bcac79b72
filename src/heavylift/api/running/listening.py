"""Where and how to serve: the port is bound and the certificate loaded before anything else happens."""

import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from heavylift.api.running.certificate import Certificate

BACKLOG: Final = 2048
"""Connections that may wait to be accepted: all of a burst, where the system allows it."""


class CannotServe(Exception):
    """This port, or this certificate, cannot be served. The message names the setting, and says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """What the settings say. Times in seconds."""

    host: str
    port: int
    workers: int
    tls_cert: Path | None
    tls_key: Path | None
    keep_alive: float
    head_timeout: float
    stop_grace: float
    worker_timeout: float

    def told(self) -> dict[str, Any]:
        """As it can be written down."""
        return {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}

    @classmethod
    def heard(cls, told: dict[str, Any]) -> Self:
        """What `told` wrote."""
        paths = {name: Path(told[name]) for name in ("tls_cert", "tls_key") if told[name] is not None}
        return cls(**{**told, **paths})

    def bind(self) -> socket.socket:
        """The socket, which does not listen yet. Raises CannotServe."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        bound = socket.socket(family)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((self.host, self.port))
        except (OSError, UnicodeError) as error:  # a name may be none that can be asked for
            bound.close()
            reason = getattr(error, "strerror", None) or str(error)
            raise CannotServe(
                f"settings host and port: cannot listen on {self.place(self.port)}: {reason}"
            ) from error
        return bound

    def certificate(self) -> Certificate | None:
        """What is served over TLS, or None where it is plain HTTP. Raises CannotServe."""
        if self.tls_cert is None or self.tls_key is None:
            return None
        for name, path in (("tls_cert", self.tls_cert), ("tls_key", self.tls_key)):
            try:
                path.read_bytes()
            except OSError as error:
                raise CannotServe(f"setting {name}: {path} cannot be read: {error.strerror}") from error
        try:
            return Certificate(self.tls_cert, self.tls_key)
        except OSError as error:
            raise CannotServe(
                f"settings tls_cert and tls_key: {self.tls_cert} and {self.tls_key} are no certificate in PEM"
                f" and its private key: {getattr(error, 'reason', None) or error}"
            ) from error

    def place(self, port: int) -> str:
        """Host and port as in a URL."""
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"

    def url(self, bound: socket.socket) -> str:
        """The base URL of what is served there, by the name that the settings have for it."""
        return f"{self._scheme}://{self.place(bound.getsockname()[1])}/v1"

    def url_here(self, bound: socket.socket) -> str:
        """The base URL for clients on this machine: by the very address, as a name may lead elsewhere."""
        host, port = bound.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - looked for, not bound
        return f"{self._scheme}://{f'[{host}]' if ':' in host else host}:{port}/v1"

    @property
    def _scheme(self) -> str:
        return "http" if self.tls_cert is None else "https"
