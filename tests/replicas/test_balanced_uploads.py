"""Sixteen clients upload through nginx while one server dies and another is started anew."""

import hashlib
import http.client
import json
import random
import signal
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from typing import Protocol

import httpx2
import openai
import pytest

from heavylift import Heavylift
from tests.e2e.sockets import answer, connected, head
from tests.e2e.wire import content_of, create, eventually, good
from tests.replicas.balancer import Balancer
from tests.replicas.site import Site
from tests.serving import KEY, Served

pytestmark = pytest.mark.xdist_group("balancer")

KIB, MIB = 1024, 1024 * 1024

CLIENTS = 16
PARTS = 3
PART_BYTES = (200 * KIB, 1500 * KIB)
"""One PUT each: only Parts beyond 5 MiB are multipart uploads of the store's."""

HELD = 12 * MIB
HELD_FIRST = 7 * MIB
"""Of a Part whose client has not yet sent everything: enough for a multipart upload to have begun."""


class Uploads(Protocol):
    """A client as its users see it. The id of the File; the bytes of a File."""

    def put(self, pieces: list[bytes]) -> str: ...

    def get(self, file: str) -> bytes: ...


@dataclass(frozen=True)
class Stock:
    """OpenAI's own client, encrypted, with the repetitions that it makes unless told otherwise."""

    client: openai.OpenAI

    def put(self, pieces: list[bytes]) -> str:
        upload = self.client.uploads.create(
            bytes=sum(map(len, pieces)), filename="x.bin", mime_type="text/plain", purpose="user_data"
        )

        def send(piece: bytes) -> str:
            return self.client.uploads.parts.create(upload.id, data=piece).id

        with ThreadPoolExecutor(3) as pool:
            parts = list(pool.map(send, pieces))
        done = self.client.uploads.complete(upload.id, part_ids=parts)
        assert done.file is not None
        return done.file.id

    def get(self, file: str) -> bytes:
        return self.client.files.content(file).read()


@dataclass(frozen=True)
class Ours:
    """Our own, with its defaults too. It downloads into a folder, where it goes on after a broken connection;
    what is read as it comes, it cannot."""

    client: Heavylift
    folder: Path

    def put(self, pieces: list[bytes]) -> str:
        done = self.client.uploads.upload_file(
            file=b"".join(pieces), filename="x.bin", purpose="user_data", part_size=len(pieces[0])
        )
        assert done.file is not None
        return done.file.id

    def get(self, file: str) -> bytes:
        target = self.folder / file
        self.client.files.download_file(file_id=file, to=target)
        return target.read_bytes()


@dataclass
class Crowd:
    """The clients at work, until it is `enough`. `stored` is every File that was read back right, with its
    digest."""

    stored: dict[str, str] = field(default_factory=dict)
    enough: threading.Event = field(default_factory=threading.Event)

    def work(self, client: Uploads, number: int) -> None:
        dice = random.Random(number)
        while not self.enough.is_set():
            pieces = [dice.randbytes(dice.randint(*PART_BYTES)) for _ in range(PARTS)]
            digest = hashlib.sha256(b"".join(pieces)).hexdigest()
            file = client.put(pieces)
            assert hashlib.sha256(client.get(file)).hexdigest() == digest
            self.stored[file] = digest

    def await_more(self, count: int) -> None:
        """Until so many more are stored."""
        wanted = len(self.stored) + count
        eventually(lambda: len(self.stored) >= wanted, seconds=120)


@contextmanager
def crowd_at_work(balancer: Balancer, folder: Path) -> Iterator[Crowd]:
    """All clients begin at once."""
    trusting = ssl.create_default_context(cafile=str(balancer.certificate))
    crowd, together = Crowd(), threading.Barrier(CLIENTS)

    def begin(client: Uploads, number: int) -> None:
        together.wait(60)
        crowd.work(client, number)

    with ExitStack() as stack:
        stock = stack.enter_context(
            openai.OpenAI(
                base_url=balancer.tls_url, api_key=KEY,
                http_client=openai.DefaultHttpxClient(verify=trusting),
            )
        )  # fmt: skip
        ours = stack.enter_context(
            Heavylift(server_url=balancer.url, api_key=KEY, state_folder=folder / "state")
        )
        clients: list[Uploads] = [Stock(stock), Ours(ours, folder)]
        pool = stack.enter_context(ThreadPoolExecutor(CLIENTS))
        working = [pool.submit(begin, clients[number % 2], number) for number in range(CLIENTS)]
        try:
            yield crowd
        finally:
            crowd.enough.set()
        for one in working:
            one.result(120)


@dataclass(frozen=True)
class Held:
    """A Part under way: the server `at` has its beginning, and a piece of it is in the object store."""

    connection: socket
    upload: str
    at: Served


@contextmanager
def held_part(site: Site, balancer: Balancer, data: bytes) -> Iterator[Held]:
    """Send the beginning of a Part through the balancer, and find out which server takes it."""
    others = balancer.behind(site.ports)
    with httpx2.Client(
        base_url=site.replicas[0].url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60
    ) as direct:
        upload = create(direct, HELD)["id"]
    with connected(balancer.port) as connection:
        begun = len(site.store.unfinished(site.prefix))
        connection.sendall(
            head("POST", f"/v1/uploads/{upload}/parts", KEY, Content_Type="application/octet-stream",
                 Content_Length=HELD)
        )  # fmt: skip
        connection.sendall(data[:HELD_FIRST])
        eventually(lambda: len(site.store.unfinished(site.prefix)) > begun)
        [port] = balancer.behind(site.ports) - others
        yield Held(connection=connection, upload=upload, at=site.at(port))


def finish(api: httpx2.Client, upload: str, part: str, data: bytes) -> None:
    done = good(api.post(f"/uploads/{upload}/complete", json={"part_ids": [part]}))
    assert content_of(api, done["file"]["id"]) == data


def test_every_upload_completes_and_reads_back_right_and_nothing_is_left(
    site: Site, balancer: Balancer, api: httpx2.Client, tmp_path: Path
) -> None:
    data = random.Random(0).randbytes(HELD)
    with ExitStack() as stack:
        doomed = stack.enter_context(held_part(site, balancer, data))
        leaving = stack.enter_context(held_part(site, balancer, data))
        assert doomed.at is not leaving.at
        crowd = stack.enter_context(crowd_at_work(balancer, tmp_path))

        crowd.await_more(CLIENTS)
        doomed.at.kill()
        refused_by_nginx(doomed.connection)
        raw = {"Content-Type": "application/octet-stream"}
        again = good(api.post(f"/uploads/{doomed.upload}/parts", content=data, headers=raw))["id"]
        finish(api, doomed.upload, again, data)

        sent = HELD_FIRST + 1
        leaving.connection.sendall(data[HELD_FIRST:sent])  # no body may stand still for a minute
        crowd.await_more(CLIENTS)
        leaving.at.process.send_signal(signal.SIGTERM)
        eventually(lambda: any("server.draining" in line for line in leaving.at.lines))
        leaving.connection.sendall(data[sent:])
        kept = good(answer(leaving.connection, "POST"))["id"]
        leaving.at.stop()
        back = site.start_again(leaving.at)
        finish(api, leaving.upload, kept, data)
        eventually(lambda: any('"request"' in line for line in back.lines))
        crowd.await_more(CLIENTS)

    assert site.store.unfinished(site.prefix) != []  # what the server that was killed had begun
    site.swept_clean()
    for file, digest in list(crowd.stored.items())[::8]:  # all of them have their bytes, says the sweep
        assert hashlib.sha256(content_of(api, file)).hexdigest() == digest
    assert len(good(api.get("/files"))["data"]) == len(crowd.stored) + 2
    site.start_again(doomed.at)


def refused_by_nginx(connection: socket) -> None:
    """No server answered, and nginx says so in the service's envelope."""
    with http.client.HTTPResponse(connection, method="POST") as raw:
        raw.begin()
        assert (raw.status, raw.getheader("retry-after")) == (502, "2")
        assert json.loads(raw.read())["error"]["code"] == "unreachable"
