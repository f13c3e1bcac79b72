"""Every flow is run on both drivers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heavylift.client.stories.upload import upload_file
from tests.client.both import Both
from tests.client.fetching import Fetcher
from tests.client.rig import Rig
from tests.client.scripted import Scripted
from tests.client.story import CONTENT, PART, Upload
from tests.support.stand_in import stand_in_server


@pytest.fixture(params=["blocking", "asyncio"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """A driver without a network, and a state folder of its own."""
    return Rig(driver=request.param, folder=tmp_path / "state")


@pytest.fixture
def server(rig: Rig) -> Scripted:
    scripted = Scripted()
    rig.handle = scripted
    return scripted


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "corpus.jsonl"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def upload(rig: Rig, path: Path) -> Upload:
    """Uploads the file, unless told otherwise, in eleven parts. Time passes, so that all is reported."""
    rig.tick = 0.2

    def run(**changes: Any) -> Any:
        return rig.run(upload_file(**{"file": path, "purpose": "batch", "part_size": PART, **changes}))

    return run


@pytest.fixture(params=["blocking", "asyncio"])
def fetcher(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fetcher]:
    """Either client over real sockets, and an empty folder to download into."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with stand_in_server() as stand_in:
        yield Fetcher(kind=request.param, server=stand_in, folder=folder)


@pytest.fixture(params=["blocking", "asyncio"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Both]:
    """Either client over real sockets, nothing tried twice."""
    with stand_in_server() as stand_in:
        yield Both(kind=request.param, server=stand_in, folder=tmp_path)
