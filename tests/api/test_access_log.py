"""The setting for lines about requests reaches both ways by which a request is answered."""

from pathlib import Path

import httpx2
import pytest

from tests.serving import serving


@pytest.mark.parametrize("wanted", [True, False])
def test_lines_about_requests_can_be_left_out(tmp_path: Path, wanted: bool) -> None:
    env = {"HEAVYLIFT_ACCESS_LOG": str(wanted).lower()}
    with serving(tmp_path, env=env) as served, httpx2.Client(timeout=60) as client:
        client.headers["Authorization"] = f"Bearer {served.key}"
        assert client.get(f"{served.root}/healthz").status_code == 200
        assert client.get(f"{served.url}/files").status_code == 200  # the short way
        assert client.get(f"{served.root}/nowhere").status_code == 404  # the framework's
    paths = [line["path"] for line in served.told("request")]
    assert paths == (["/v1/files", "/nowhere"] if wanted else [])
