"""Clients that upload and download whatever happens to the store, and remember what was acknowledged."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2

from tests.e2e.wire import create, good, send_complete
from tests.serving import Served

BOUND = 60.0
"""Seconds within which every request has an answer: a store's time-outs, and a slow machine."""

PART = 7 * 1024 * 1024
"""Bytes of each Part: more than one segment of a multipart upload."""

PIECE = 128 * 1024


@dataclass
class Traffic:
    """Uploads and downloads through a server until `stop` is set. `faults` happen in the middle of a body,
    each once so many more bytes of Parts have passed."""

    served: Served
    stop: threading.Event = field(default_factory=threading.Event)
    files: dict[str, bytes] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    broken: int = 0
    longest: float = 0.0
    sent: int = 0
    due: tuple[int, Callable[[], None]] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def after(self, count: int, fault: Callable[[], None]) -> threading.Event:
        """Do that in the middle of a Part, once `count` more bytes have passed. Set when it has happened."""
        happened = threading.Event()

        def happen() -> None:
            fault()
            happened.set()

        with self.lock:
            self.due = (self.sent + count, happen)
        return happened

    def api(self) -> httpx2.Client:
        """A client of its own for each thread."""
        headers = {"Authorization": f"Bearer {self.served.key}"}
        return httpx2.Client(base_url=self.served.url, headers=headers, timeout=BOUND)

    def uploading(self) -> None:
        """One file of two Parts after the other."""
        with self.api() as api:
            while not self.stop.is_set():
                self.upload(api)

    def upload(self, api: httpx2.Client, *, count: int = 2) -> None:
        """One file; what is refused is sent again, to the same Upload."""
        parts = [os.urandom(PIECE) * (PART // PIECE) for _ in range(count)]
        upload = create(api, count * PART)["id"]
        kind = {"Content-Type": "application/octet-stream", "Content-Length": str(PART)}
        ids = [
            self.insisted(
                lambda part=part: api.post(  # type: ignore[misc]
                    f"/uploads/{upload}/parts", content=self.pieces(part), headers=kind
                )
            )["id"]
            for part in parts
        ]
        done = good(send_complete(api, upload, ids))
        with self.lock:
            self.files[done["file"]["id"]] = b"".join(parts)

    def insisted(self, ask: Callable[[], httpx2.Response]) -> dict[str, str]:
        """The answer in the end. Each refusal before it is the store's fault, in the envelope, in time."""
        give_up = time.monotonic() + BOUND
        while True:
            begun = time.monotonic()
            answer = ask()
            self.took(begun)
            if answer.status_code == 200:
                said: dict[str, str] = answer.json()
                return said
            self.refusal(answer)
            assert time.monotonic() < give_up, "it is refused for ever"

    def refusal(self, answer: httpx2.Response) -> None:
        """Judge an answer that is no 200."""
        answer.read()
        assert answer.status_code in (502, 503), answer.text
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["type"] == "server_error"
        assert answer.headers["retry-after"].isdigit()
        with self.lock:
            self.refused.append(error["message"])

    def pieces(self, part: bytes) -> Iterator[bytes]:
        """The body, bit by bit, and the fault when it is due."""
        view = memoryview(part)
        for begin in range(0, len(part), PIECE):
            yield bytes(view[begin : begin + PIECE])
            with self.lock:
                self.sent += PIECE
                due = self.due if self.due and self.sent >= self.due[0] else None
                self.due = None if due else self.due
            if due:
                due[1]()

    def downloading(self) -> None:
        """One file after the other, from the newest back. A torso is noticed; a wrong byte never comes."""
        with self.api() as api:
            while not self.stop.is_set():
                with self.lock:
                    found = list(self.files.items())[-3:]
                for file, content in found or ():
                    self.download(api, file, content)
                if not found:
                    self.stop.wait(0.05)

    def download(
        self, api: httpx2.Client, file: str, content: bytes, *, first: Callable[[], None] = lambda: None
    ) -> bool:
        """Whether the whole file came. `first` is called once its first bytes are here."""
        begun, got = time.monotonic(), 0
        with (
            suppress(httpx2.RemoteProtocolError, httpx2.ReadError),
            api.stream("GET", f"/files/{file}/content") as answer,
        ):
            if answer.status_code != 200:
                self.took(begun)
                self.refusal(answer)
                return False
            for chunk in answer.iter_bytes():
                if not got:
                    first()
                assert content[got : got + len(chunk)] == chunk, "wrong bytes"
                got += len(chunk)
            assert got == len(content), "a torso that looks whole"
        self.took(begun)
        with self.lock:
            self.broken += got != len(content)
        return got == len(content)

    def took(self, begun: float) -> None:
        """Remember the longest."""
        with self.lock:
            self.longest = max(self.longest, time.monotonic() - begun)

    def await_files(self, count: int) -> None:
        """Wait until so many more files have been completed."""
        wanted, give_up = len(self.files) + count, time.monotonic() + 2 * BOUND
        while len(self.files) < wanted:
            assert time.monotonic() < give_up, "uploads do not go on"
            time.sleep(0.02)
