"""A client that is used on after a fork, or in a second event loop: no answer goes to the wrong one."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest

from heavylift import Heavylift
from tests.support.stand_in import Handler, StandIn, stand_in_server

FILES = 40


@pytest.fixture
def server() -> Any:
    with stand_in_server() as served:
        for number in range(FILES):
            about = {"id": f"file-{number}", "object": "file", "bytes": 1, "created_at": 1}
            served.files[f"file-{number}"] = ({**about, "filename": "f", "purpose": "batch"}, b"x")
        yield served


def in_child(deed: Any) -> bytes:
    """What the deed gives in a process that is really forked off, or the error's words."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            said = str(deed()).encode()
        except BaseException as error:  # the parent is told
            said = f"{type(error).__name__}: {error}".encode()
        os.write(write, said)
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


def asked_for(client: Heavylift, numbers: range) -> str:
    """Every File that was asked for is the one that was given."""
    wrong = [n for n in numbers if client.files.retrieve_file(file_id=f"file-{n}").id != f"file-{n}"]
    return f"wrong: {wrong}"


def connections(server: StandIn) -> list[tuple[Any, ...]]:
    """A list that grows by every request: from where it came."""
    seen: list[tuple[Any, ...]] = []

    def note(handler: Handler) -> bool:
        seen.append(handler.client_address)
        return False

    server.faults.append(note)
    return seen


def test_a_forked_client_opens_connections_of_its_own(server: StandIn) -> None:
    seen = connections(server)
    with Heavylift(server_url=server.url, api_key="sk") as client:
        asked_for(client, range(1))
        before = set(seen)
        assert in_child(lambda: asked_for(client, range(5))) == b"wrong: []"
        theirs = set(seen) - before
        assert theirs
        asked_for(client, range(5))
    assert set(seen) - theirs == before


def test_parent_and_child_at_once_get_their_own_answers(server: StandIn) -> None:
    with Heavylift(server_url=server.url, api_key="sk") as client:
        asked_for(client, range(1))
        found: list[str] = []
        parent = threading.Thread(target=lambda: found.append(asked_for(client, range(FILES))))

        def both() -> str:
            return asked_for(client, range(FILES))

        child: list[bytes] = []
        forking = threading.Thread(target=lambda: child.append(in_child(both)))
        forking.start()
        parent.start()
        forking.join()
        parent.join()
    assert found == ["wrong: []"]
    assert child == [b"wrong: []"]


def test_a_child_that_closes_the_client_leaves_the_parents_connection_alone(server: StandIn) -> None:
    seen = connections(server)
    with Heavylift(server_url=server.url, api_key="sk") as client:
        asked_for(client, range(1))
        in_child(client.close)
        asked_for(client, range(3))
    assert len(set(seen)) == 1


def test_a_users_own_client_that_was_used_before_the_fork_is_refused_after_it(server: StandIn) -> None:
    with httpx2.Client() as http, Heavylift(server_url=server.url, api_key="sk", http_client=http) as client:
        assert in_child(lambda: asked_for(client, range(2))) == b"wrong: []"
        asked_for(client, range(1))
        assert b"after the fork" in in_child(lambda: asked_for(client, range(2)))


LOOPS = """
import asyncio, gc, os, sys, warnings
from heavylift import AsyncHeavylift, errors
import httpx2

url, what = sys.argv[1:]
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)  # 3.12: we know

def client(**more):
    return AsyncHeavylift(server_url=url, api_key="sk", **more)

async def ask(client):
    return (await client.files.retrieve_file(file_id="file-1")).id

async def ask_and_close(client):
    async with client:
        return await ask(client)

def refused(client):
    try:
        return asyncio.run(ask(client))
    except errors.InvalidRequestError as error:
        return str(error)

async def at_once(client):
    return await asyncio.gather(ask(client), asyncio.to_thread(lambda: asyncio.run(ask(client))))

async def upload(client):
    return (await client.files.create_file(file=__file__, purpose="batch")).bytes

match what:
    case "one after the other":
        mine = client()
        print(asyncio.run(ask(mine)), asyncio.run(ask(mine)), asyncio.run(ask_and_close(mine)))
        print(refused(mine))
    case "many":
        mine, open_files = client(), []
        for turn in range(30):
            asyncio.run(ask(mine))
            gc.collect()
            open_files.append(len(os.listdir("/dev/fd")))
        print(open_files[-1] <= open_files[2])
    case "given":
        theirs = client(http_client=httpx2.AsyncClient())
        print(asyncio.run(ask(theirs)))
        print(refused(theirs))
    case "at once":
        print(*asyncio.run(at_once(client())))
    case "forked":
        mine = client()
        asyncio.run(upload(mine))
        if not os.fork():
            print(asyncio.run(upload(mine)) == os.path.getsize(__file__), flush=True)
            os._exit(0)
        print(os.wait()[1])
"""


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("one after the other", ["file-1 file-1 file-1", "This client is closed"]),
        ("many", ["True"]),
        ("given", ["file-1", "The http_client was used on another event loop"]),
        ("at once", ["file-1 file-1"]),
        ("forked", ["True", "0"]),
    ],
)
def test_an_asynchronous_client_in_more_than_one_event_loop(
    server: StandIn, tmp_path: Path, what: str, said: list[str]
) -> None:
    """In a process of its own: what a loop leaves open when it ends, Python complains of."""
    program = tmp_path / "loops.py"
    program.write_text(LOOPS)
    done = subprocess.run(
        [sys.executable, str(program), server.url, what],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert [line[: len(start)] for line, start in zip(done.stdout.splitlines(), said, strict=True)] == said
    assert done.stderr == ""
