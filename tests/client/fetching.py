"""Downloads by either client over real sockets, from a server that misbehaves on order."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from heavylift import AsyncHeavylift, BackoffStrategy, Heavylift, RetryConfig
from heavylift.client.models import DownloadedFile
from tests.support.answers import Answer, Asked
from tests.support.stand_in import StandIn, keep

QUICK = RetryConfig(backoff=BackoffStrategy(initial_interval=1, max_interval=20, max_elapsed_time=20_000))
CONTENT = bytes(range(251)) * 200
RANGE = 10_000
META = r"GET /files/file-1"
BYTES = r"GET /files/file-1/content"


@dataclass
class Fetcher:
    """One client or the other, in a folder of its own, before a server with one File of CONTENT."""

    kind: Literal["blocking", "asyncio"]
    server: StandIn
    folder: Path
    setting: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.setting = {
            "api_key": "sk-test",
            "server_url": self.server.url,
            "state_folder": self.folder.parent / "state",
            "retry_config": QUICK,
            **self.setting,
        }
        self.server.extensions = True
        keep(self.server, "kept.bin", "user_data", CONTENT)

    @property
    def target(self) -> Path:
        """Where downloads go unless told otherwise."""
        return self.folder / "here.bin"

    def save(self, **wishes: Any) -> DownloadedFile:
        """Onto the disk, in ranges of RANGE bytes."""
        asked = {"file_id": "file-1", "to": self.target, "range_size": RANGE, **wishes}
        if self.kind == "blocking":
            with Heavylift(**self.setting) as client:
                return client.files.save_file(**asked)

        async def save() -> DownloadedFile:
            async with AsyncHeavylift(**self.setting) as client:
                return await client.files.save_file(**asked)

        return asyncio.run(save())

    def blocks(self, size: int = 1000, **wishes: Any) -> list[bytes]:
        """The content as it comes."""
        asked = {"file_id": "file-1", **wishes}
        if self.kind == "blocking":
            with Heavylift(**self.setting) as client:
                return list(client.files.download_file(**asked).blocks(size=size))

        async def read() -> list[bytes]:
            async with AsyncHeavylift(**self.setting) as client:
                return [block async for block in client.files.download_file(**asked).blocks(size=size)]

        return asyncio.run(read())

    def metadata(self, **changes: Any) -> None:
        """What the server says of the File from now on. None takes a field away."""
        known, content = self.server.files["file-1"]
        said = {name: value for name, value in {**known, **changes}.items() if value is not None}
        self.server.files["file-1"] = (said, content)

    def content(self, content: bytes) -> None:
        """The File holds something else from now on, and its metadata says so."""
        self.server.files.pop("file-1", None)
        fresh = keep(self.server, "kept.bin", "user_data", content)
        del self.server.files[fresh["id"]]
        self.server.files["file-1"] = ({**fresh, "id": "file-1"}, content)

    def left(self) -> list[Path]:
        """What lies in the folder beside the target."""
        return sorted(path for path in self.folder.iterdir() if path != self.target)

    def fail_after(self, ranges: int) -> None:
        """So many ranges are served, then the server refuses: a download that is interrupted."""
        served: list[Callable[[Asked], Answer | None]] = [lambda asked: None] * ranges
        no = b'{"error": {"message": "no", "type": "invalid_request_error"}}'
        self.server.answers(BYTES, *served, Answer(status=400, body=no), forever=True)

    def mend(self) -> None:
        """The server is as it should be again, and has forgotten what it was asked."""
        self.server.faults.clear()
        self.server.asked.clear()
        self.server.requests.clear()


def ranged(content: bytes, asked: Asked, **headers: str | None) -> Answer:
    """The range that was asked for, out of this content."""
    assert asked.range is not None
    start, last = asked.range
    end = len(content) if last is None else last + 1
    shown: dict[str, str | None] = {"content-range": f"bytes {start}-{end - 1}/{len(content)}"}
    shown |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=206, headers=shown, body=content[start:end])
