"""A process that writes to a catalog without a pause, until its input ends."""

import asyncio
import sys
import threading

from heavylift.catalog import open_catalog
from tests.contract.catalog_facts import new_upload


async def main() -> None:
    catalog = open_catalog(sys.argv[1])
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    first = True
    while not over.is_set():
        await catalog.add_upload(new_upload("proj_hammer"))
        if first:
            print("ready", flush=True)
        first = False
    await catalog.close()


if __name__ == "__main__":
    asyncio.run(main())
