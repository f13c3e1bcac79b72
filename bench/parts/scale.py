"""Beyond one machine: through replicas into an object store, beside clients that write there directly."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.findings import Breakdown, Check, Curve, Finding
from bench.load import GB, MB, Failed
from bench.parts.complete import time_complete
from bench.peers.heavylift import KEY
from bench.peers.stores import ACCESS, BUCKET, SECRET, ObjectStore, Postgres, Replica
from bench.process import cpu_seconds
from bench.rounds import Field
from bench.session import MIB, Bench
from bench.transfer import Order

FILE = 64 * MIB
SEGMENT = 5 * MIB
"""Bytes of a part in the comparison of `complete`: S3's least."""

THREADS = 4
REPLICAS = (1, 2, 3)
SEGMENTS = (8, 128)
EMPTY_SECONDS = 60.0
TARGET = 0.8

KEPT = {
    "send": "",
    "fetch": " No client keeps or verifies what it reads; heavylift checks the CRC-64 of each Part as it"
    " passes.",
}
"""What a table's figures leave out."""

CLIENT, OURS, FACTS, STORE = "the client", "heavylift", "PostgreSQL", "the store"
WHO = (CLIENT, OURS, FACTS, STORE)
RATIO = "ratio, all cores"
BARE = "ratio, without the store"
COLUMNS = ("MB/s", *WHO, "all", RATIO, BARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """One run: seconds, bytes, and CPU seconds by whoever spent them."""

    seconds: float
    bytes: int
    cpu: Mapping[str, float]

    def per_gb(self, *who: str) -> float:
        """CPU seconds of these for 10^9 bytes."""
        return sum(self.cpu[one] for one in who) / self.bytes * GB


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """All that runs. `path` is the file that is sent."""

    store: ObjectStore
    postgres: Postgres
    replicas: Sequence[Replica]
    path: Path

    def cpu(self) -> dict[str, float]:
        """What each has used so far."""
        ours = [pid for replica in self.replicas for pid in replica.process.family()]
        return {
            OURS: cpu_seconds(ours),
            FACTS: cpu_seconds(self.postgres.process.family()),
            STORE: cpu_seconds(self.store.process.family()),
        }


class Client:
    """A client program in a process of its own, which does what it is told, file by file."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.transfer", json.dumps(asdict(order))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self._line()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.communicate()

    def perform(self, deed: str, rig: Rig) -> Spent:
        """Send, fetch or delete all files. Raises Failed."""
        before = rig.cpu()
        assert self._process.stdin is not None
        self._process.stdin.write(deed + "\n")
        self._process.stdin.flush()
        said = json.loads(self._line())
        after = rig.cpu()
        cpu = {who: after[who] - before[who] for who in after} | {CLIENT: said["cpu"]}
        return Spent(seconds=said["seconds"], bytes=self._order.files * FILE, cpu=cpu)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"the client by {self._order.way} gave up")
        return line


def scale(bench: Bench) -> Iterator[Finding]:
    """Each way in turn, round after round; what was sent is deleted before the next one's turn."""
    with bench.field() as field, _rig(field) as rig:
        yield from _compare(bench, rig)
        yield from _completions(bench, rig)


@contextmanager
def _rig(field: Field) -> Iterator[Rig]:
    store = field.add(ObjectStore)
    postgres = field.add(Postgres)
    if not isinstance(store, ObjectStore) or not isinstance(postgres, Postgres):
        raise Failed("; ".join(f"{name}: {reason}" for name, reason in field.missing.items()))
    path = field.folder / "file.bin"
    piece = bytes(range(256)) * 4096
    path.write_bytes(b"".join(bytes([number]) + piece[1:] for number in range(FILE // len(piece))))
    folders = [field.folder / f"replica-{number}" for number in REPLICAS]
    with ExitStack() as stack:
        replicas = []
        for number, folder in zip(REPLICAS, folders, strict=True):
            folder.mkdir()
            one = Replica(folder, name=f"replica {number}", postgres=postgres, store=store)
            stack.callback(one.stop)
            replicas.append(one.start())
        yield Rig(store=store, postgres=postgres, replicas=replicas, path=path)


def _ways(rig: Rig) -> dict[str, tuple[str, list[str]]]:
    """Each way's name: the client library and the hosts that it talks to."""
    urls = [f"http://127.0.0.1:{replica.port}/v1" for replica in rig.replicas]
    through = {
        f"heavylift, {many} replica{'s' * (many > 1)}": ("heavylift", urls[:many]) for many in REPLICAS
    }
    return {
        "boto3, directly": ("boto3", [rig.store.url]),
        "obstore, directly": ("obstore", [rig.store.url]),
    } | through


def _compare(bench: Bench, rig: Rig) -> Iterator[Finding]:
    runs: dict[tuple[str, str], list[Spent]] = {}
    files = THREADS if bench.quick else 2 * THREADS
    for number in range(bench.rounds + 1):
        for name, (way, hosts) in _ways(rig).items():
            key, secret = (KEY, "") if way == "heavylift" else (ACCESS, SECRET)
            order = Order(
                way=way, hosts=hosts, key=key, secret=secret, path=str(rig.path), files=files, threads=THREADS
            )
            with Client(order) as client:
                for deed in ("send", "fetch"):
                    spent = client.perform(deed, rig)
                    if number:  # the first round warms up
                        runs.setdefault((deed, name), []).append(spent)
                client.perform("delete", rig)
            _clear(rig)
        bench.say(f"round {number} of {bench.rounds}" if number else "warmed up")
    for deed, title in (("send", "Files into an object store"), ("fetch", "Files out of an object store")):
        table = breakdown(deed, title, {name: found for (what, name), found in runs.items() if what == deed})
        yield table
        for many in REPLICAS:
            name = f"heavylift, {many} replica{'s' * (many > 1)}"
            yield Check(
                target=f"{title}, {name}: bytes per CPU second, of the direct way's",
                measured=table.figure(name, RATIO),
                bound=TARGET,
            )


def breakdown(deed: str, title: str, runs: Mapping[str, Sequence[Spent]]) -> Breakdown:
    """Medians over the rounds. Ratios are to the better of the two direct ways, in bytes per CPU second."""

    def middle(name: str, *who: str) -> float:
        return statistics.median(one.per_gb(*who) for one in runs[name])

    direct = [name for name in runs if "directly" in name]
    best = min(middle(name, *WHO) for name in direct)
    bare = min(middle(name, CLIENT) for name in direct)
    rows = {
        name: (
            statistics.median(one.bytes / one.seconds / MB for one in found),
            *(middle(name, who) for who in WHO),
            middle(name, *WHO),
            best / middle(name, *WHO),
            bare / middle(name, CLIENT, OURS, FACTS),
        )
        for name, found in runs.items()
    }
    return Breakdown(
        name=f"scale-{deed}",
        title=title,
        meaning=f"Files of {FILE // MIB} MiB, {THREADS} at once, by one client program each: boto3 and"
        " obstore straight to SeaweedFS's S3, our SDK through replicas that share a PostgreSQL and the same"
        " SeaweedFS, all on this one machine. obstore and heavylift sign as behind TLS, and have a CRC-64"
        " checked. CPU seconds for 10^9 bytes, by whoever spends them." + KEPT[deed],
        unit="CPU s/GB",
        columns=COLUMNS,
        stacked=WHO,
        rows=rows,
    )


def _clear(rig: Rig) -> None:
    """Wait until the sweeper has deleted the objects too, and have their room given back."""
    deadline = time.monotonic() + EMPTY_SECONDS
    while not rig.store.is_empty():
        if time.monotonic() > deadline:
            raise Failed("deleted objects stay in the store")
        time.sleep(0.1)
    rig.store.vacuum()


def _completions(bench: Bench, rig: Rig) -> Iterator[Finding]:
    client, replica = rig.store.client(), rig.replicas[0]
    points: dict[str, list[tuple[float, float]]] = {
        "S3's CompleteMultipartUpload": [],
        "heavylift's complete": [],
    }
    times = 1 if bench.quick else 3
    for many in SEGMENTS:
        theirs = statistics.median(_complete_theirs(client, many) for _ in range(times))
        ours = statistics.median(_complete_ours(rig, replica, many) for _ in range(times))
        for name, took in zip(points, (theirs, ours), strict=True):
            points[name].append((many, took))
        bench.say(f"complete of {many} parts: S3 {theirs:.1f} ms, heavylift {ours:.1f} ms")
        yield Check(
            target=f"complete of {many} parts in an object store: times as long as S3's own",
            measured=ours / theirs,
            bound=1.0,
            at_most=True,
        )
    yield Curve(
        name="scale-complete",
        title="complete, beside S3's own",
        meaning=f"Milliseconds of `complete` over PostgreSQL, durable, for an Upload of so many parts of"
        f" {SEGMENT // MIB} MiB in SeaweedFS, and of S3's CompleteMultipartUpload of as many.",
        x_label="parts",
        y_label="ms",
        series=points,
    )


def _complete_theirs(client: Any, many: int) -> float:
    """Milliseconds that the store takes to join so many parts."""
    key = f"parts-{many}"
    upload = client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    place = {"Bucket": BUCKET, "Key": key, "UploadId": upload}
    tags = [
        client.upload_part(PartNumber=number, Body=bytes(SEGMENT), **place)["ETag"]
        for number in range(1, many + 1)
    ]
    parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
    began = time.perf_counter()
    client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **place)
    took = (time.perf_counter() - began) * 1000
    client.delete_object(Bucket=BUCKET, Key=key)
    return took


def _complete_ours(rig: Rig, replica: Replica, many: int) -> float:
    """Milliseconds that our `complete` of as many takes."""
    upload = replica.create(size=many * SEGMENT)
    sent = [replica.call("POST", f"/uploads/{upload}/parts", raw=bytes(SEGMENT))["id"] for _ in range(many)]
    took = time_complete(replica, upload, sent)
    file = replica.call("GET", f"/uploads/{upload}")["file"]["id"]
    replica.call("DELETE", f"/files/{file}")
    _clear(rig)
    return took
