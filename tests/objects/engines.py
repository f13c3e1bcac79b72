"""Real object stores of the tests' own, on free ports of loopback: SeaweedFS, and rclone as a poor one."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import obstore
import psutil
import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store

from heavylift.blobs.fetching import Store
from heavylift.blobs.objects import PROBE
from heavylift.service.ownership import MARK
from tests.ports import free_port, free_ports

START_SECONDS = 90.0
"""A bound, not a wait: a store that has not taken an object by then has failed."""

BUCKET = "heavylift-tests"

KEYS = {"AWS_ACCESS_KEY_ID": "testkey", "AWS_SECRET_ACCESS_KEY": "testsecret"}
"""Its administrator's, whom no policy of a bucket binds."""

ACTIONS = ("Read", "Write", "List")

TENANT = {"AWS_ACCESS_KEY_ID": "tenantkey", "AWS_SECRET_ACCESS_KEY": "tenantsecret"}
"""Somebody's who may use the bucket, as far as its policy lets him."""


@dataclass(kw_only=True)
class ObjectStore:
    """A running store. `processes` by name, for the tests that do something to them."""

    port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    scheme: str = "s3"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, *, port: int | None = None) -> Mapping[str, str]:
        """What a client of it needs in its environment; through another port if one is given."""
        return {
            **KEYS,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
            "AWS_REGION": "us-east-1",
        }

    def client(self) -> Store:
        """A client of the tests' own, which shares nothing with the driver."""
        return S3Store(
            BUCKET, endpoint=self.endpoint, region="us-east-1",
            access_key_id=KEYS["AWS_ACCESS_KEY_ID"], secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            client_options={"allow_http": True, "connect_timeout": "1s", "timeout": "30s"},
            retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
        )  # fmt: skip

    def objects(self, prefix: str = "") -> list[str]:
        """The paths of all objects under the prefix, but for the mark of an installation and its probe."""
        pages = obstore.list(self.client(), prefix or None)
        paths = (str(one["path"]) for page in pages for one in page)
        return sorted(path for path in paths if not path.endswith((MARK, PROBE)))

    def unfinished(self, prefix: str = "") -> list[str]:
        """The paths of all unfinished multipart uploads under the prefix, as another program sees them."""
        said = rclone(
            self.endpoint, "backend", "list-multipart-uploads", f":s3:{BUCKET}", none="NoSuchUpload"
        )
        return sorted(
            one["Key"] for uploads in (json.loads(said) or {}).values() for one in uploads or ()
            if one["Key"].startswith(prefix)
        )  # fmt: skip


def program(name: str) -> str:
    """The path of a program of the extra `dev`. Without it tests are skipped, loudly, or fail if CI=true."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found:
        return found
    reason = f"OBJECT STORES WERE NOT TESTED: {name} is not here; pip install 'heavylift[dev]' brings it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def rclone(endpoint: str, *words: str, none: str | None = None) -> str:
    """What rclone says when it does that to the store at the endpoint. An error that holds `none` is
    how a store says that there is nothing: null."""
    done = subprocess.run(
        [program("rclone"), *words, "--config", os.devnull],
        env={**os.environ, "RCLONE_S3_PROVIDER": "Other", "RCLONE_S3_ENDPOINT": endpoint,
             "RCLONE_S3_ACCESS_KEY_ID": KEYS["AWS_ACCESS_KEY_ID"],
             "RCLONE_S3_SECRET_ACCESS_KEY": KEYS["AWS_SECRET_ACCESS_KEY"],
             "RCLONE_S3_REGION": "us-east-1", "RCLONE_S3_FORCE_PATH_STYLE": "true"},
        capture_output=True, text=True, timeout=START_SECONDS, check=False,
    )  # fmt: skip
    if none is not None and none in done.stderr:
        return "null"
    assert done.returncode == 0, done.stderr
    return done.stdout


def start(words: list[str], *, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """A server in a group of its own, so that an interrupted test run still stops it in order."""
    with log.open("wb") as said:
        return subprocess.Popen(
            words, stdout=said, stderr=said, env={**os.environ, **(env or {})}, start_new_session=True
        )


def await_bucket(store: ObjectStore) -> None:
    """Make the bucket and wait until an object can be written: that, not its port, says it is ready."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", store.port), 1).close()
            rclone(store.endpoint, "mkdir", f":s3:{BUCKET}", "--retries", "1", "--low-level-retries", "1")
            obstore.put(store.client(), "ready", b"?")
            obstore.delete(store.client(), "ready")
            return
        except (BaseError, OSError, AssertionError, subprocess.TimeoutExpired):
            assert time.monotonic() < deadline, "the object store did not start"
            assert all(process.poll() is None for process in store.processes.values()), "it ended"
            time.sleep(0.2)


def stop(store: ObjectStore) -> None:
    """End its processes, stopped ones too, for good."""
    for process in store.processes.values():
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait(START_SECONDS)


def identities() -> Mapping[str, object]:
    """Who may come, as SeaweedFS is told."""
    rights = {"admin": (KEYS, ["Admin"]), "tenant": (TENANT, [f"{one}:{BUCKET}" for one in ACTIONS])}
    return {
        "identities": [
            {"name": name, "credentials": [dict(zip(("accessKey", "secretKey"), keys.values(), strict=True))],
             "actions": actions} for name, (keys, actions) in rights.items()
        ]
    }  # fmt: skip


@contextmanager
def seaweed(
    folder: Path, *, kind: type[ObjectStore] = ObjectStore, keys: Mapping[str, str] = KEYS
) -> Iterator[ObjectStore]:
    """SeaweedFS, all of it in one process. Without keys it lets everybody in."""
    weed = program("weed")
    master, volume, filer, s3, admin = free_ports(5, above=10_000)
    store = kind(port=s3)
    words = [
        weed, "-logtostderr=true", "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-s3.port={s3}",
        f"-admin.port={admin}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false",
        "-admin.ui=false", "-master.telemetry=false", "-s3.autoCreateBucket=false",
        "-master.volumeSizeLimitMB=64", "-volume.max=100",
    ]  # fmt: skip
    if keys:
        (folder / "identities").write_text(json.dumps(identities()))
        words.append(f"-s3.config={folder}/identities")
    store.processes["weed"] = start(words, log=folder / "log")
    try:
        await_bucket(store)
        yield store
    finally:
        stop(store)


@contextmanager
def poor(folder: Path) -> Iterator[ObjectStore]:
    """rclone's S3 over a folder: no conditional writes, no checksums, no memory of its own."""
    port = free_port()
    store = ObjectStore(port=port)
    (folder / "data").mkdir()
    words = [
        program("rclone"), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", "testkey,testsecret",
        "--vfs-cache-mode", "off", "--config", os.devnull, str(folder / "data"),
    ]  # fmt: skip
    store.processes["rclone"] = start(words, log=folder / "log")
    try:
        await_bucket(store)
        yield store
    finally:
        stop(store)


def connections(port: int) -> int:
    """How many connections this process has to that port."""
    return sum(
        bool(one.raddr) and one.raddr.port == port and one.status == psutil.CONN_ESTABLISHED
        for one in psutil.Process().net_connections("tcp")
    )
