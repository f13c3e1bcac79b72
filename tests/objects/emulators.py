"""Stores that answer as the two other object stores do: Azure's own emulator, and SeaweedFS for Google's.

Google Cloud Storage speaks S3's XML too, but for who is asking and for conditions on a write. So its
client works against a store of S3's kind that lets everybody in. What that cannot show: Google's
tokens, and one of two simultaneous writers losing.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import obstore
from obstore.store import AzureStore

from tests.e2e.wire import not_tested
from tests.engines import AZURITE, npm_there
from tests.objects.engines import BUCKET, START_SECONDS, ObjectStore, seaweed, start, stop
from tests.ports import free_port

ACCOUNT = "devstoreaccount1"

SECRET = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's, known to everybody."""

VERSION = "2021-08-06"

NOBODY = {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
"""A service account that asks for no token."""


@dataclass(kw_only=True)
class Azurite(ObjectStore):
    """Azure's blob storage. Blocks that were never committed are no business of ours: Azure drops them."""

    scheme: str = "az"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def environment(self, *, port: int | None = None) -> Mapping[str, str]:
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": SECRET,
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port or self.port}/{ACCOUNT}",
        }

    def client(self) -> AzureStore:
        return AzureStore(
            BUCKET, account_name=ACCOUNT, account_key=SECRET, endpoint=self.endpoint,
            client_options={"allow_http": True},
        )  # fmt: skip

    def unfinished(self, prefix: str = "") -> list[str]:
        return []

    def make_container(self) -> None:
        """Ask for it until the emulator answers."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urlopen(self._creation(), timeout=5).close()
                return
            except URLError:
                assert time.monotonic() < deadline, "the emulator did not start"
                assert all(process.poll() is None for process in self.processes.values()), "it ended"
                time.sleep(0.1)

    def _creation(self) -> Request:
        """The signed request, which the object stores' client has no word for."""
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": VERSION}
        signed = "".join(f"{name}:{value}\n" for name, value in headers.items())
        text = "PUT" + "\n" * 12 + f"{signed}/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container"
        digest = hmac.digest(base64.b64decode(SECRET), text.encode(), hashlib.sha256)
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
        return Request(f"{self.endpoint}/{BUCKET}?restype=container", method="PUT", headers=headers)


@dataclass(kw_only=True)
class Google(ObjectStore):
    """SeaweedFS as Google's client sees it."""

    scheme: str = "gs"

    def environment(self, *, port: int | None = None) -> Mapping[str, str]:
        return {
            "GOOGLE_BASE_URL": f"http://127.0.0.1:{port or self.port}",
            "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(NOBODY),
        }


def google(folder: Path) -> AbstractContextManager[ObjectStore]:
    """Without keys: Google's client signs nothing for NOBODY."""
    return seaweed(folder, kind=Google, keys={})


@contextmanager
def azurite(folder: Path) -> Iterator[Azurite]:
    """Azurite, its blobs alone."""
    if not npm_there(AZURITE)():
        not_tested("AZURE WAS NOT TESTED: azurite is not here; python -m tests.engines brings it")
    port = free_port()
    store = Azurite(port=port)
    words = [
        "node", str(AZURITE / "node_modules/azurite/dist/src/blob/main.js"), "--blobHost", "127.0.0.1",
        "--blobPort", str(port), "--location", str(folder), "--silent", "--disableTelemetry",
        "--skipApiVersionCheck",
    ]  # fmt: skip
    store.processes["azurite"] = start(words, log=folder / "log")
    try:
        store.make_container()
        obstore.put(store.client(), "ready", b"?")
        obstore.delete(store.client(), "ready")
        yield store
    finally:
        stop(store)
