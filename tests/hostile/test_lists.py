"""Tenants who ask for long lists, and do not read them."""

import asyncio
import socket
import time
from contextlib import ExitStack
from pathlib import Path

from heavylift.catalog import open_catalog
from heavylift.domain import ids
from heavylift.domain.limits import Limits
from heavylift.domain.uploads import open_upload
from heavylift.service.keys import Keys
from tests.e2e.sockets import SECONDS, answer, head
from tests.hostile.siege import besieged, is_served

ENTRIES, CLIENTS = 10_000, 30


def fill(catalog_url: str, key: str) -> None:
    """So many Uploads of that key's project."""

    async def add() -> None:
        catalog = open_catalog(catalog_url, durable=False)
        try:
            project = await Keys(catalog, clock=time.time).owner(key)
            now = time.time()
            uploads = [
                open_upload(
                    id=ids.new_id(ids.UPLOAD, now=now), project=project.id, filename="x" * 200,
                    purpose="evals", mime_type="text/plain", bytes=1, file_lifetime=None, now=now,
                    limits=Limits(),
                )
                for _ in range(ENTRIES)
            ]  # fmt: skip
            await asyncio.gather(*map(catalog.add_upload, uploads))
        finally:
            await catalog.close()

    asyncio.run(add())


def reluctant(port: int) -> socket.socket:
    """A connection for which the kernel keeps little, so that what is sent waits in the server."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(SECONDS)
    connection.connect(("127.0.0.1", port))
    return connection


def test_lists_that_nobody_reads_are_not_held_in_memory(tmp_path: Path) -> None:
    with besieged(tmp_path) as (served, key), ExitStack() as stack:
        fill(f"sqlite:///{tmp_path}/catalog.sqlite", key)
        lines = [stack.enter_context(reluctant(served.port)) for _ in range(CLIENTS)]
        for line in lines:
            line.sendall(head("GET", f"/v1/uploads?limit={ENTRIES}", key))
        is_served(served)
        for line in lines[1:]:
            line.close()
        whole = answer(lines[0]).json()
        assert len({one["id"] for one in whole["data"]}) == ENTRIES
        assert whole["object"] == "list"
