"""Files on their way for `heavylift upload`: one after the other, with a bar, and an end for Ctrl-C."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from heavylift.cli import amounts
from heavylift.cli.connection import Server
from heavylift.cli.exits import interrupted
from heavylift.cli.output import as_data, show_json, show_table
from heavylift.cli.progress import Bar
from heavylift.cli.several import each
from heavylift.client.client import Heavylift
from heavylift.client.errors import HeavyliftError
from heavylift.client.models import Upload
from heavylift.client.options import RequestOptions
from heavylift.client.progress import Progress
from heavylift.client.retries import RetryConfig
from heavylift.client.stories import endings

CANCEL = RequestOptions(retries=RetryConfig("none"), timeout_ms=5_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for, apart from the paths."""

    purpose: str
    part_size: int | None
    jobs: int
    resume: bool
    expires_after: int | None
    mime_type: str | None
    filename: str | None
    upload_id: str | None
    keep: bool


def send_all(client: Heavylift, server: Server, paths: list[str], wishes: Wishes, *, as_json: bool) -> int:
    """One file after the other; the exit code. The rest is left when nobody would take it."""
    return each(
        server,
        paths,
        lambda path: _show(_send(client, path, wishes), as_json=as_json),
        alone=len(paths) == 1,
    )


def _send(client: Heavylift, path: str, wishes: Wishes) -> Upload:
    bar = Bar(wishes.filename or Path(path).name)
    try:
        with bar:
            return _transfer(client, path, wishes, bar.report)
    except KeyboardInterrupt as stop:
        _interrupted(client, bar.latest, wishes, list(getattr(stop, "__notes__", ())))


def _transfer(client: Heavylift, path: str, wishes: Wishes, report: Callable[[Progress], object]) -> Upload:
    if wishes.upload_id is not None:
        return client.uploads.resume_upload(
            upload_id=wishes.upload_id,
            file=path,
            part_size=wishes.part_size,
            max_concurrency=wishes.jobs,
            on_progress=report,
        )
    return client.uploads.upload_file(
        file=sys.stdin.buffer if path == "-" else path,
        purpose=wishes.purpose,
        filename=wishes.filename,
        mime_type=wishes.mime_type,
        part_size=wishes.part_size,
        max_concurrency=wishes.jobs,
        expires_after=wishes.expires_after,
        resume=wishes.resume,
        on_progress=report,
    )


def _interrupted(client: Heavylift, latest: Progress | None, wishes: Wishes, notes: list[str]) -> NoReturn:
    """Say what became of the Upload, and how to go on. The SDK's notes know what it did itself."""
    if latest is None:
        interrupted(f"interrupted. {' '.join(notes)}" if notes else "interrupted before anything was sent.")
    kept = endings.kept(latest.id)
    give_up = f"`heavylift uploads cancel {latest.id}` gives it up."
    if kept in notes and wishes.keep:
        interrupted(
            f"interrupted with {latest.parts_done} of {latest.parts_total} parts sent. The same command goes"
            f" on; {give_up}"
        )
    if kept in notes:
        notes = [_cancelled(client, latest.id)]
    if not notes:
        notes = [f"Whether the upload {latest.id} is pending is not known: {give_up}"]
    interrupted(f"interrupted. {' '.join(notes)}")


def _cancelled(client: Heavylift, upload_id: str) -> str:
    """Cancel it; what became of it, as a sentence."""
    try:
        client.uploads.cancel_upload(upload_id=upload_id, options=CANCEL)
    except KeyboardInterrupt:
        return endings.pending(upload_id)
    except HeavyliftError as error:
        return endings.uncancelled(upload_id, error)
    return endings.cancelled(upload_id)


def _show(done: Upload, *, as_json: bool) -> None:
    if as_json:
        show_json(as_data(done))
        return
    file_id = done.file.id if done.file is not None else done.id
    show_table(("file", "name", "size"), [(file_id, done.filename, amounts.show_bytes(done.bytes))])
