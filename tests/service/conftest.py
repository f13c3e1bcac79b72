"""A world for each test, on both local blob stores; its end proves that every rigged call was reached."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.service.world import World, url_of, world_at


@pytest.fixture(params=["memory", "disk"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """An empty installation."""
    async with world_at(url_of(request.param, tmp_path)) as world:
        yield world
        await world.check()
        assert world.catalog.unused == []
        assert world.blobs.unused == []
