"""A process to be killed: stores Parts without end, and prints of each once it was told that it is stored."""

import asyncio
import sys

from heavylift.catalog import open_catalog
from heavylift.service.ports import Catalog
from tests.contract.catalog_facts import MINE, ROOM, finish, new_part, new_upload


async def commit(catalog: Catalog) -> None:
    """Upload after upload of a few Parts each; every other one is completed."""
    while True:
        upload = new_upload()
        await catalog.add_upload(upload)
        parts = [new_part(upload) for _ in range(7)]
        for part in parts:
            assert await catalog.add_part(MINE, part, **ROOM)
            print("part", upload.id, part.extent.blob, flush=True)
        file = await finish(catalog, upload, parts)
        assert file is not None
        print("file", file.id, upload.id, flush=True)


async def main() -> None:
    catalog = open_catalog(sys.argv[1])
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(commit(catalog))


if __name__ == "__main__":
    asyncio.run(main())
