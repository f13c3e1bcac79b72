"""A process of the races: adds to and closes the Uploads that it reads of, and prints what it achieved."""

import asyncio
import json
import random
import sys

from heavylift.catalog import open_catalog
from heavylift.service.ports import Catalog
from tests.contract.catalog_facts import MINE, NOW, ROOM, blobs_of, finish, new_part


async def attack(catalog: Catalog, upload_id: str) -> tuple[bool, list[str]]:
    """Add a Part, then close the Upload. Whether that was us, and the blobs that we stored."""
    upload = await catalog.upload(MINE, upload_id)
    assert upload is not None
    parts = await catalog.parts(MINE, upload_id)
    part = new_part(upload)
    stored = await catalog.add_part(MINE, part, **ROOM)
    if random.random() < 0.5:
        closed = await catalog.cancel(MINE, upload_id, judged_at=NOW, due=0)
    else:
        closed = await finish(catalog, upload, parts) is not None
    return closed, blobs_of([part]) if stored else []


async def main() -> None:
    catalog = open_catalog(sys.argv[1])
    await catalog.ping()
    print("ready", flush=True)
    uploads = json.loads(sys.stdin.readline())
    random.shuffle(uploads)
    achieved = await asyncio.gather(*(attack(catalog, upload_id) for upload_id in uploads))
    await catalog.close()
    closed = [upload_id for upload_id, (won, _) in zip(uploads, achieved, strict=True) if won]
    stored = [blob for _, blobs in achieved for blob in blobs]
    print(json.dumps({"closed": closed, "stored": stored}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
