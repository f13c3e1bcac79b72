"""One real server for the module, and a desk in front of it."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.typing_in import Desk
from tests.serving import Served, serving
from tests.support.stand_in import StandIn, stand_in_server

CONTENT = random.Random(5).randbytes(11 * 100_000 - 17)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("service")) as served:
        yield served


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with stand_in_server() as served:
        yield served


def desk_at(folder: Path, url: str, key: str) -> Desk:
    (folder / "big.jsonl").write_bytes(CONTENT)
    return Desk(folder=folder, variables={"HEAVYLIFT_BASE_URL": url, "HEAVYLIFT_API_KEY": key})


@pytest.fixture
def desk(server: Served, tmp_path: Path) -> Desk:
    """With the file big.jsonl, in front of the real server."""
    return desk_at(tmp_path, server.url, server.key)


@pytest.fixture
def plain_desk(stand_in: StandIn, tmp_path: Path) -> Desk:
    """The same in front of a server with no more than OpenAI's own operations."""
    return desk_at(tmp_path, stand_in.url, "sk-plain")


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of who runs the tests."""
    for name in list(os.environ):
        if name.startswith(("HEAVYLIFT_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
