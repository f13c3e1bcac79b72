"""A client program under measurement: sends, fetches and deletes files when a line on its input says so.

Runs in a process of its own, so that its processor time is its own too: `python -m bench.transfer ORDER`,
where ORDER is an Order as JSON. Each answer is a line of JSON with the seconds and CPU seconds of the deed.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

BLOCK = 256 * 1024
"""Bytes that a fetching client takes at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which client, where to, what, how often. `hosts` are URLs; `files` go in `threads` at once."""

    way: str
    hosts: list[str]
    key: str
    secret: str
    path: str
    files: int
    threads: int


class Way(Protocol):
    """One client library in its usual way."""

    def send(self, number: int) -> None:
        """The whole file, under a name of its own."""
        ...

    def fetch(self, number: int) -> int:
        """That file again, block by block; how many bytes it was."""
        ...

    def delete(self, number: int) -> None:
        """Let the service forget it."""
        ...


class Boto:
    """boto3: `upload_file` as its documentation shows it, in parts of 8 MiB."""

    def __init__(self, order: Order) -> None:
        import boto3  # noqa: PLC0415 - each of these clients is loaded only by the process that measures it

        self._order = order
        self._client = boto3.client(
            "s3", endpoint_url=order.hosts[0], region_name="us-east-1",
            aws_access_key_id=order.key, aws_secret_access_key=order.secret,
        )  # fmt: skip

    def send(self, number: int) -> None:
        self._client.upload_file(self._order.path, "bench", f"boto3-{number}")

    def fetch(self, number: int) -> int:
        body = self._client.get_object(Bucket="bench", Key=f"boto3-{number}")["Body"]
        return sum(map(len, body.iter_chunks(BLOCK)))

    def delete(self, number: int) -> None:
        self._client.delete_object(Bucket="bench", Key=f"boto3-{number}")


class Obstore:
    """obstore: `put` of a path, in parts of 5 MiB."""

    def __init__(self, order: Order) -> None:
        import obstore  # noqa: PLC0415 - as above
        from obstore.store import S3Store  # noqa: PLC0415 - as above

        self._order = order
        self._obstore = obstore
        self._store = S3Store(
            "bench", endpoint=order.hosts[0], region="us-east-1",
            access_key_id=order.key, secret_access_key=order.secret, client_options={"allow_http": True},
            checksum_algorithm="CRC64NVME", unsigned_payload=True,
        )  # fmt: skip

    def send(self, number: int) -> None:
        self._obstore.put(self._store, f"obstore-{number}", Path(self._order.path))

    def fetch(self, number: int) -> int:
        blocks = self._obstore.get(self._store, f"obstore-{number}").stream(min_chunk_size=BLOCK)
        return sum(map(len, blocks))

    def delete(self, number: int) -> None:
        self._obstore.delete(self._store, f"obstore-{number}")


class Sdk:
    """Our own SDK, its files dealt out to the replicas in turn."""

    def __init__(self, order: Order) -> None:
        from heavylift import Heavylift  # noqa: PLC0415 - as above

        self._order = order
        self._clients = [
            Heavylift(server_url=host, api_key=order.key, state_folder=f"{order.path}.state")
            for host in order.hosts
        ]
        self._sent: dict[int, str] = {}

    def send(self, number: int) -> None:
        uploads = self._clients[number % len(self._clients)].uploads
        done = uploads.upload_file(
            file=self._order.path, filename=f"{number}.bin", purpose="user_data", resume=False
        )
        assert done.file is not None
        self._sent[number] = done.file.id

    def fetch(self, number: int) -> int:
        files = self._clients[(number + 1) % len(self._clients)].files
        return sum(map(len, files.download_file(file_id=self._sent[number]).blocks(size=BLOCK)))

    def delete(self, number: int) -> None:
        self._clients[0].files.delete_file(file_id=self._sent[number])


WAYS: dict[str, Callable[[Order], Way]] = {"boto3": Boto, "obstore": Obstore, "heavylift": Sdk}


def perform(deed: Callable[[int], int | None], order: Order) -> dict[str, float]:
    """Do it for every file. Raises ValueError if a fetched file is not as long as what was sent."""
    began, before = time.perf_counter(), _cpu()
    with ThreadPoolExecutor(order.threads) as pool:
        sizes = set(pool.map(deed, range(order.files)))
    took = {"seconds": time.perf_counter() - began, "cpu": _cpu() - before}
    if sizes not in ({None}, {Path(order.path).stat().st_size}):
        raise ValueError(f"fetched files of {sizes} bytes")
    return took


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Ready when a first empty line is out; ends with its input."""
    order = Order(**json.loads(sys.argv[1]))
    way = WAYS[order.way](order)
    deeds = {"send": way.send, "fetch": way.fetch, "delete": way.delete}
    print(flush=True)
    for line in sys.stdin:
        print(json.dumps(perform(deeds[line.strip()], order)), flush=True)


if __name__ == "__main__":
    main()
