"""Replicas over one PostgreSQL agree whose the blobs are, and notice a folder that they do not share."""

import asyncio
from pathlib import Path

import pytest

from heavylift.blobs import open_blobs
from heavylift.catalog import open_catalog
from heavylift.service.ownership import MARK, Installation, WrongBlobs, claim
from tests.contract.engines_postgres import Server


async def test_replicas_that_start_at_once_agree_on_one_mark(postgres: Server, tmp_path: Path) -> None:
    url = postgres.fresh()
    catalogs = [open_catalog(url) for _ in range(3)]
    shared = [open_blobs(f"file://{tmp_path}/shared") for _ in catalogs]
    apart = open_blobs(f"file://{tmp_path}/apart")
    try:
        await asyncio.gather(*(claim(*pair) for pair in zip(catalogs, shared, strict=True)))
        name = (tmp_path / "shared" / MARK).read_text().strip()
        for catalog in catalogs:
            assert await catalog.installation("another") == Installation(name=name, marked=True)
        with pytest.raises(WrongBlobs, match="one and the same for all"):
            await claim(catalogs[1], apart)
        assert not (tmp_path / "apart" / MARK).exists()
    finally:
        for store in (*catalogs, *shared, apart):
            await store.close()
