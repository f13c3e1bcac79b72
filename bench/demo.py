"""`make demo`: the main job once, from an empty folder to a compared download, by the official client."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from openai import DefaultHttpxClient, OpenAI
from rich.console import Console
from rich.table import Table

MIB = 1024 * 1024
FILE_BYTES = 256 * MIB
PART_BYTES = 16 * MIB
PARALLEL = 4
SEED = 256
"""Of the file's content: the same file on every machine and in every run."""

START_SECONDS = 60.0
STOP_SECONDS = 60.0

console = Console(highlight=False)


class Differs(Exception):
    """What came back is not what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of the demo: what it did, to how many bytes, in how many seconds."""

    name: str
    bytes: int
    seconds: float


class Stopwatch:
    """Times the steps and tells each as it ends."""

    def __init__(self) -> None:
        self._stages: list[Stage] = []

    @contextmanager
    def stage(self, name: str, *, bytes: int = 0, detail: str = "") -> Iterator[None]:
        """Time what happens inside. `detail` is said once, `name` again in the table."""
        began = time.perf_counter()
        with console.status(f"{name} …"):
            yield
        stage = Stage(name=name, bytes=bytes, seconds=time.perf_counter() - began)
        self._stages.append(stage)
        done(f"{name}{detail}")

    def table(self) -> Table:
        """All steps with their rates."""
        table = Table("step", box=None, header_style="bold")
        for title in ("seconds", "MiB/s"):
            table.add_column(title, justify="right")
        for stage in self._stages:
            rate = f"{stage.bytes / MIB / stage.seconds:,.0f}" if stage.bytes else ""
            table.add_row(stage.name, f"{stage.seconds:.2f}", rate)
        return table


def done(what: str) -> None:
    """Say that something has happened."""
    console.print(f"[green]✓[/green] {what}", soft_wrap=True)


def generate(path: Path) -> str:
    """Write the file, and say its MD5 in hex."""
    source = random.Random(SEED)
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("wb") as file:
        for _ in range(FILE_BYTES // MIB):
            block = source.randbytes(MIB)
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


@contextmanager
def serving(data: Path, log: Path) -> Iterator[str]:
    """`heavylift serve` in the folder `data` on a free port; gives its base URL, stops it in the end.

    Settings in the environment do not reach it: the demo is of the embedded default.
    """
    command = [sys.executable, "-m", "heavylift.cli", "serve", "--data", str(data), "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEAVYLIFT_")}
    with log.open("wb") as errors:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        yield announced_url(process, log)
    finally:
        process.terminate()
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            assert process.stdout is not None
            process.stdout.close()
    if status not in (0, -signal.SIGTERM):
        raise RuntimeError(f"the service ended with status {status}:\n{log.read_text(errors='replace')}")
    done("Stopped the service")


def announced_url(process: "subprocess.Popen[str]", log: Path) -> str:
    """The base URL that the service prints when it listens."""
    assert process.stdout is not None
    overdue = threading.Timer(START_SECONDS, process.kill)
    overdue.start()
    try:
        for line in process.stdout:
            if line.startswith("heavylift serves "):
                return line.split()[-1]
    finally:
        overdue.cancel()
    raise RuntimeError(f"the service did not start:\n{log.read_text(errors='replace')}")


def read_part(path: Path, number: int) -> bytes:
    """The bytes of one part, counted from 0."""
    with path.open("rb") as file:
        file.seek(number * PART_BYTES)
        return file.read(PART_BYTES)


def send_parts(client: OpenAI, upload_id: str, path: Path, order: Sequence[int]) -> list[str]:
    """Add the parts in that order, some at a time. Their ids, in the order of the file."""

    def send(number: int) -> tuple[int, str]:
        part = client.uploads.parts.create(upload_id, data=read_part(path, number))
        return number, part.id

    with ThreadPoolExecutor(PARALLEL) as threads:
        sent = dict(threads.map(send, order))
    return [sent[number] for number in sorted(sent)]


def compare(client: OpenAI, file_id: str, path: Path) -> None:
    """Download the file and compare it with the one that was sent. Raises Differs."""
    at = 0
    with client.files.with_streaming_response.content(file_id) as answer, path.open("rb") as original:
        for chunk in answer.iter_bytes(MIB):
            if original.read(len(chunk)) != chunk:
                raise Differs(f"the download differs within the {len(chunk)} bytes behind byte {at}")
            at += len(chunk)
        if original.read(1):
            raise Differs(f"the download ends behind byte {at}, the file does not")


def move(client: OpenAI, path: Path, md5: str, watch: Stopwatch) -> None:
    """Upload the file in parts, complete it, download it, compare."""
    upload = client.uploads.create(
        filename=path.name, purpose="user_data", bytes=FILE_BYTES, mime_type="application/octet-stream"
    )
    done(f"Created {upload.id}")
    order = list(range(FILE_BYTES // PART_BYTES))
    random.Random(SEED).shuffle(order)
    shown = f", {PARALLEL} at a time, in the order {' '.join(map(str, order))}"
    with watch.stage(f"Sent {len(order)} parts of {PART_BYTES // MIB} MiB", bytes=FILE_BYTES, detail=shown):
        parts = send_parts(client, upload.id, path, order)
    with watch.stage("Completed it with md5", bytes=FILE_BYTES, detail=f" {md5}, checked by the service"):
        file = client.uploads.complete(upload.id, part_ids=parts, md5=md5).file
    if file is None:
        raise Differs("the completed Upload has no File")
    with watch.stage("Downloaded and compared it", bytes=FILE_BYTES, detail=f": {file.id}"):
        compare(client, file.id, path)


def run(folder: Path) -> None:
    """The whole story. Raises what goes wrong."""
    watch, path, data = Stopwatch(), folder / "demo.bin", folder / "data"
    with watch.stage(f"Generated a file of {FILE_BYTES // MIB} MiB", bytes=FILE_BYTES):
        md5 = generate(path)
    with ExitStack() as stack:
        with watch.stage("Started the service"):
            url = stack.enter_context(serving(data, folder / "log"))
        done(f"It listens on {url}")
        key = (data / "api-key").read_text(encoding="ascii").strip()
        direct = DefaultHttpxClient(trust_env=False)  # a proxy cannot reach this machine's loopback
        client = stack.enter_context(OpenAI(base_url=url, api_key=key, http_client=direct))
        move(client, path, md5, watch)
    console.print()
    console.print(watch.table())
    console.print("\nWhat came back is what was sent.")


def main() -> int:
    """Exit status: 0 when all went well, 1 with one line about what did not."""
    with tempfile.TemporaryDirectory(prefix="heavylift-demo-") as folder:
        try:
            run(Path(folder))
        except Exception as error:  # the last line of a demo should say what failed
            console.print(f"[red]✗[/red] {type(error).__name__}: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
