"""Every flow is run on both drivers."""

from pathlib import Path

import pytest

from tests.client.rig import Rig


@pytest.fixture(params=["blocking", "asyncio"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """A driver without a network, and a state folder of its own."""
    return Rig(driver=request.param, folder=tmp_path / "state")
