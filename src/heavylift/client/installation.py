"""The installation beside us: the service that runs on the data folder of this place, and its first key."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from heavylift.client.address import KEY_FILE, read_address, read_own

FOLDER: Final = "heavylift-data"
VARIABLE: Final = "HEAVYLIFT_DATA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A data folder, and what is known of its service: `url` None where none runs.

    `key` is the first key, or empty where none is asked for; None where there is none to read. `certificate`
    is the one that is served, in PEM.
    """

    folder: Path
    url: str | None = None
    key: str | None = field(default=None, repr=False)
    certificate: str | None = None

    @property
    def key_file(self) -> Path:
        """Where the first key is."""
        return self.folder / KEY_FILE

    @property
    def remark(self) -> str:
        """Why nothing is found there, as a sentence without its end."""
        if self.url is None:
            return f"No service runs on {self.folder}; `heavylift serve` starts one"
        if self.key is None:
            return f"{self.key_file}, beside the service, is not there, or not its owner's alone"
        return ""


def beside(environment: Mapping[str, str]) -> Installation:
    """The one in HEAVYLIFT_DATA, else in the folder `heavylift-data` of the current one."""
    named = environment.get(VARIABLE, "").strip()
    try:
        folder = Path(named or FOLDER).expanduser().absolute()
    except (OSError, RuntimeError, ValueError):  # there is nobody's home, or no current folder
        return Installation(folder=Path(named or FOLDER))
    of_anybody = bool(named)  # who names a folder trusts whoever owns it; in passing, one trusts nobody
    address = read_address(folder, of_anybody=of_anybody)
    if address is None:
        return Installation(folder=folder)
    kept = read_own(folder / KEY_FILE, of_anybody=of_anybody) if address.asks_key else ""
    return Installation(
        folder=folder,
        url=address.url,
        key=(kept.strip() or None) if kept else kept,
        certificate=None if address.certificate is None else _first_certificate(Path(address.certificate)),
    )


def _first_certificate(file: Path) -> str | None:
    """The service's own, which comes first in its chain: those after it have signed others, too."""
    try:
        block = _block(file.read_text(encoding="utf-8"))
        ssl.create_default_context(cadata=block)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        return None
    return block


def _block(text: str) -> str:
    head, foot = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    begun = text.index(head)
    return text[begun : text.index(foot, begun) + len(foot)]
