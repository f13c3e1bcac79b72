"""A SeaweedFS cluster of the tests' own: each blob on two of three volume servers, any of which may die."""

import json
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from tests.objects.engines import (
    KEYS,
    START_SECONDS,
    ObjectStore,
    await_bucket,
    program,
    start,
    stop,
)
from tests.ports import closed_ports, free_ports

VOLUMES = ("volume-1", "volume-2", "volume-3")

ABOVE = 10_000
"""So much higher than its port for HTTP is that for gRPC."""

GROWTH = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1", "WEED_MASTER_VOLUME_GROWTH_COPY_2": "2"}
"""So few volumes at once: a growing of many would take the test's time."""


@dataclass(kw_only=True)
class Cluster(ObjectStore):
    """A running cluster. `words` start each process again, `master` is the port that knows who lives,
    `ports` are those of the volume servers. What is `closed` are the ports of the dead among them."""

    master: int
    ports: Mapping[str, int]
    folder: Path
    words: dict[str, list[str]] = field(default_factory=dict)
    closed: dict[str, ExitStack] = field(default_factory=dict)

    def begin(self, name: str) -> None:
        """Start the process of that name, for the first time or again."""
        if name in self.closed:
            self.closed.pop(name).close()
        env = {**KEYS, **GROWTH}
        self.processes[name] = start(self.words[name], log=self.folder / f"{name}.log", env=env)

    def kill(self, name: str) -> None:
        """As a machine that loses its power: nobody is told. Nor does a volume server of another test run
        come to its port: that would take blobs in its stead."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait(START_SECONDS)
        self.closed[name] = ExitStack()
        self.closed[name].enter_context(closed_ports(self.ports[name], self.ports[name] + ABOVE))

    def await_volumes(self, count: int) -> None:
        """Wait until the master counts so many volume servers."""
        deadline = time.monotonic() + START_SECONDS
        while self._alive() != count:
            assert time.monotonic() < deadline, f"there are not {count} volume servers"
            time.sleep(0.1)

    def _alive(self) -> int:
        try:
            with urlopen(f"http://127.0.0.1:{self.master}/dir/status", timeout=5) as answer:
                topology = json.load(answer)["Topology"]
        except OSError:
            return 0
        return sum(
            len(rack["DataNodes"] or ())
            for center in topology["DataCenters"] or ()
            for rack in center["Racks"] or ()
        )


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """One master, three volume servers, a filer and its S3; a copy of each blob on two of the three."""
    master, filer, s3, *volumes = free_ports(3 + len(VOLUMES), above=ABOVE)
    ports = dict(zip(VOLUMES, volumes, strict=True))
    words = _words(folder, master, filer, s3, ports)
    store = Cluster(port=s3, master=master, ports=ports, folder=folder, words=words)
    try:
        for name in ("master", *VOLUMES):
            store.begin(name)
        store.await_volumes(len(VOLUMES))
        for name in ("filer", "s3"):
            store.begin(name)
        await_bucket(store)
        yield store
    finally:
        for taken in store.closed.values():
            taken.close()
        stop(store)


def _words(folder: Path, master: int, filer: int, s3: int, ports: Mapping[str, int]) -> dict[str, list[str]]:
    """How each process is started, by its name."""
    identity = {
        "name": "admin",
        "credentials": [{"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    weed, here = [program("weed"), "-logtostderr=true"], ["-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    for name in ("master", "filer", *VOLUMES):
        (folder / name).mkdir()
    return {
        "master": [
            *weed, "master", f"-mdir={folder}/master", *here, f"-port={master}", "-peers=none",
            "-defaultReplication=001", "-volumeSizeLimitMB=256", "-telemetry=false",
        ],
        "filer": [
            *weed, "filer", *here, f"-port={filer}", f"-master=127.0.0.1:{master}",
            f"-defaultStoreDir={folder}/filer", "-defaultReplicaPlacement=001",
        ],
        "s3": [
            *weed, "s3", here[1], f"-port={s3}", f"-filer=127.0.0.1:{filer}", f"-config={config}",
            "-autoCreateBucket=false", "-port.iceberg=0", "-port.lance=0",
        ],
    } | {
        name: [
            *weed, "volume", f"-dir={folder}/{name}", *here, f"-port={port}",
            f"-mserver=127.0.0.1:{master}", "-max=50", "-preStopSeconds=0", "-dataCenter=dc1", "-rack=r1",
        ]
        for name, port in ports.items()
    }  # fmt: skip
