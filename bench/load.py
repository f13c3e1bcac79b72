"""One run of the load generator: what it is to send, and what came of it."""

import json
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bench.process import cpu_seconds, forget_peak, peak_bytes
from bench.toolbox import program

MB = 1e6
GB = 1e9
RUN_SECONDS = 600.0


class Failed(Exception):
    """A server did not do what it was asked to, so there is nothing to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Requests to one server. `size` in bytes; `numbered` puts the request's number behind the path.

    With `multipart` the body is the field `field` of a form, behind a field `purpose` if there is one.
    `requests` or `seconds` bounds it. `pause` in seconds between two requests of a connection.
    `span` is (length, of): fetch `length` bytes at a random place among the first `of`.
    """

    port: int
    method: str = "POST"
    path: str = "/"
    headers: tuple[str, ...] = ()
    size: int = 0
    fill: str = "random"
    type: str = "application/octet-stream"
    multipart: bool = False
    field: str = "data"
    purpose: str = ""
    numbered: bool = False
    connections: int = 1
    requests: int = 0
    seconds: float = 0.0
    pause: float = 0.0
    span: tuple[int, int] | None = None

    def words(self) -> list[str]:
        """The generator's command line."""
        named = {
            "port": self.port, "method": self.method, "path": self.path, "size": self.size,
            "fill": self.fill, "type": self.type, "connections": self.connections, "requests": self.requests,
            "seconds": self.seconds, "pause": self.pause,
        }  # fmt: skip
        words = [str(program("generator"))]
        for name, value in named.items():
            words += [f"--{name}", str(value)]
        for header in self.headers:
            words += ["--header", header]
        words += ["--field", self.field]
        if self.purpose:
            words += ["--purpose", self.purpose]
        if self.span:
            words += ["--range", str(self.span[0]), "--range-of", str(self.span[1])]
        return words + ["--multipart"] * self.multipart + ["--numbered"] * self.numbered


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a load went. Milliseconds are of whole requests, CPU seconds of the server, `peak` in bytes."""

    seconds: float
    bytes: int
    requests: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu: float
    peak: int
    generator_cpu: float
    statuses: dict[str, int] = field(default_factory=dict)

    @property
    def mb_per_second(self) -> float:
        """Payload, in units of 10^6 bytes a second."""
        return self.bytes / self.seconds / MB

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_per_gb(self) -> float:
        """Processor seconds of the server for 10^9 bytes of payload."""
        return self.cpu / self.bytes * GB if self.bytes else 0.0


class Running:
    """A load under way, in a process of its own."""

    def __init__(self, load: Load, pids: Sequence[int]) -> None:
        self._load = load
        self._pids = pids
        forget_peak(pids)
        self._cpu = cpu_seconds(pids)
        self._process = subprocess.Popen(
            load.words(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.communicate()

    def outcome(self) -> Outcome:
        """Wait for it. Raises Failed if the generator gave up, or an answer was not a success."""
        output, complaint = self._process.communicate(timeout=RUN_SECONDS)
        cpu, peak = cpu_seconds(self._pids) - self._cpu, peak_bytes(self._pids)
        if self._process.returncode:
            raise Failed(complaint.strip())
        said: dict[str, Any] = json.loads(output)
        if any(not status.startswith("2") for status in said["statuses"]):
            raise Failed(f"{self._load.method} {self._load.path} was answered {said['statuses']}")
        said["generator_cpu"] = said.pop("cpu_seconds")
        return Outcome(cpu=cpu, peak=peak, **said)


def carry_out(load: Load, pids: Sequence[int]) -> Outcome:
    """Run the load against the server that these processes are."""
    with Running(load, pids) as running:
        return running.outcome()
