"""Our own server, as `heavylift serve` runs it."""

import json
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.load import Load
from bench.peers.peer import Peer

KEY = "hl-key-of-the-benchmark"
KEY_HEADER = f"Authorization: Bearer {KEY}"
DECLARED = 8 * 1024**3
UNBOUNDED = 2**50
CALL_SECONDS = 600.0


class Heavylift(Peer):
    """heavylift. `raw` sends parts as application/octet-stream, else as forms."""

    def __init__(
        self, folder: Path, *, name: str = "heavylift", raw: bool = False, lane: bool = True,
        strict: bool = False, workers: int = 1, options: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(folder)
        self.name = name
        self._raw = raw
        self._options = {
            "LANE": str(lane).lower(),
            "DURABILITY": "strict" if strict else "relaxed",
            "WORKERS": str(workers),
            **(options or {}),
        }

    def words(self) -> Sequence[str]:
        data = str(self.folder / "data")
        return [sys.executable, "-m", "heavylift.cli", "serve", "--data", data, "--port", str(self.port)]

    def environment(self) -> Mapping[str, str]:
        bounds = {
            "MAX_HELD_BYTES": str(UNBOUNDED),
            "MAX_PARTS": str(10**9),
            "MAX_BODIES": "1024",
            "MAX_OPEN_UPLOADS": "0",
        }
        settings = {"BOOTSTRAP_KEY": KEY, "LOG_FORMAT": "json"} | bounds | self._options
        return {f"HEAVYLIFT_{name}": value for name, value in settings.items()}

    def finished(self) -> Sequence[Path]:
        return [self.folder / "data" / "blobs"]

    def send(self, *, size: int) -> Load:
        return self.send_to(self.create(), size=size)

    def send_to(self, upload: str, *, size: int) -> Load:
        """Parts of that Upload."""
        path = f"/v1/uploads/{upload}/parts"
        return Load(port=self.port, path=path, headers=(KEY_HEADER,), size=size, multipart=not self._raw)

    def create(self, *, size: int = DECLARED) -> str:
        """A new Upload's id."""
        body = {
            "filename": "bench.bin", "purpose": "user_data", "bytes": size,
            "mime_type": "application/octet-stream",
        }  # fmt: skip
        return str(self.call("POST", "/uploads", body)["id"])

    def call(self, method: str, path: str, body: object = None, *, raw: bytes | None = None) -> Any:
        """One request by the book; its answer as JSON."""
        data = raw if body is None else json.dumps(body).encode()
        kind = "application/octet-stream" if body is None else "application/json"
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1{path}",
            data=data,
            method=method,
            headers={"Authorization": f"Bearer {KEY}", "Content-Type": kind},
        )
        with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:
            return json.load(answer)

    def make_file(self, *, parts: int, size: int) -> str:
        """A completed File of so many parts of `size` bytes each. Its id."""
        upload = self.create(size=parts * size)
        piece = bytes(range(256)) * (size // 256)
        sent = [self.call("POST", f"/uploads/{upload}/parts", raw=piece)["id"] for _ in range(parts)]
        return str(self.call("POST", f"/uploads/{upload}/complete", {"part_ids": sent})["file"]["id"])

    def fetch(self, file_id: str) -> Load:
        """The content of a File."""
        return Load(port=self.port, method="GET", path=f"/v1/files/{file_id}/content", headers=(KEY_HEADER,))
