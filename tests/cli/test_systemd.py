"""systemd is told when the service is ready and when it stops: real datagrams to a socket of our own."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.serving import START_SECONDS, serving


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(START_SECONDS)
        yield manager


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("kind", ["a path", "an abstract name"])
def test_readiness_and_the_end_are_told_once(tmp_path: Path, kind: str, workers: str) -> None:
    name = str(tmp_path / "notify")
    address, said = (name, name) if kind == "a path" else (f"\0{name}", f"@{name}")
    env = {"NOTIFY_SOCKET": said, "HEAVYLIFT_WORKERS": workers}
    with listening(address) as manager:
        with serving(tmp_path / "data", env=env) as served:
            assert manager.recv(1000).decode().splitlines() == ["READY=1", f"STATUS=serves {served.url}"]
            assert served.stop() == 0
            assert manager.recv(1000).decode().splitlines()[0] == "STOPPING=1"
        manager.setblocking(False)
        with pytest.raises(BlockingIOError):
            manager.recv(1000)


def test_a_systemd_that_is_not_there_is_told_of_and_keeps_nobody_from_serving(tmp_path: Path) -> None:
    place = str(tmp_path / "nobody")
    with serving(tmp_path / "data", env={"NOTIFY_SOCKET": place}) as served:
        assert served.stop() == 0
    assert {line["socket"] for line in served.told("server.systemd_not_told")} == {place}
