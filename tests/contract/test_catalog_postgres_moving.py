"""Nothing is moved out of a PostgreSQL that is served, nor into one; when the service has stopped, it is."""

from pathlib import Path

import pytest

from tests.cli.typing_in import Desk
from tests.contract.engines_postgres import Server
from tests.serving import serving


@pytest.mark.parametrize("side", ["from", "to"])
def test_nothing_is_moved_under_a_service_on_postgresql(
    postgres_18: Server, tmp_path: Path, side: str
) -> None:
    url = postgres_18.fresh()
    desk = Desk(folder=tmp_path, variables={"PGCONNECT_TIMEOUT": "10"})
    assert desk.run("migrate", "--data", "other").status == 0
    assert desk.run("projects", "create", "mine", HEAVYLIFT_DATA="other").status == 0
    blobs = f"file://{tmp_path}/blobs"
    others = ("--to", "other", "--replace") if side == "from" else ("--from", "other", "--replace")
    move = ("migrate-data", f"--{side}-catalog", url, f"--{side}-blobs", blobs, *others)
    with serving(tmp_path / "data", env={"HEAVYLIFT_CATALOG": url, "HEAVYLIFT_BLOBS": blobs}) as served:
        refused = desk.run(*move)
        assert (refused.status, refused.out) == (2, "")
        assert "is served by a running service, or used by another command" in refused.err
        assert len(refused.err.splitlines()) == 1
        assert served.process.poll() is None
    database = url.rpartition("/")[2]
    assert postgres_18.ask("SELECT name FROM projects", database=database) == [("default",)]
    assert desk.run("projects", "list", "--data", "other").out.endswith("\tmine\n")
    moved = desk.run(*move)  # a service that has stopped leaves no connection
    assert moved.status == 0, moved.err
    left = [row[0] for row in postgres_18.ask("SELECT name FROM projects", database=database)]
    assert left == (["default"] if side == "from" else ["mine"])
