"""The whole story of a download: in ranges, several at once, resumed, verified, and put in place whole."""

import os
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from heavylift.client.calls import Flow, surroundings, work
from heavylift.client.config import Setting
from heavylift.client.disk.targets import Destination, Pipe, Place, already_there, find_target, open_pipe
from heavylift.client.journal import InUse, open_record, record_name
from heavylift.client.models import DownloadedFile, File, told_bytes
from heavylift.client.operations.files import retrieve_file
from heavylift.client.operations.wire import Arguments, checked, given
from heavylift.client.options import RequestOptions
from heavylift.client.progress import Meter, OnProgress
from heavylift.client.stories.filling import Filling, forget_earlier
from heavylift.client.stories.landing import Errand
from heavylift.client.stories.layout import MIB, Layout
from heavylift.client.stories.pouring import pour
from heavylift.client.window import Window

RANGE_SIZE: Final = 16 * MIB
"""Bytes asked for at once: what is lost at most when a connection breaks."""


class DownloadArguments(Arguments):
    """What is checked before anything is asked."""

    max_concurrency: Annotated[int, Field(ge=1, le=64)]
    range_size: Annotated[int, Field(ge=1)]
    resume: bool
    overwrite: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user asked for."""

    max_concurrency: int
    range_size: int
    resume: bool
    overwrite: bool
    options: RequestOptions


def download_file(
    file_id: str,
    *,
    to: Destination,
    max_concurrency: int = 4,
    range_size: int = RANGE_SIZE,
    resume: bool = True,
    overwrite: bool = True,
    on_progress: OnProgress | None = None,
    options: RequestOptions | None = None,
) -> Flow[DownloadedFile]:
    """Download a File to a path, into a directory under the File's own name, or into an open file.

    At a path, the bytes are gathered beside it in a file that the download makes for itself. What
    lies on the disk at the end is compared with the server's checksum, where it shows one, and takes
    its place in one step: a regular file of that name is replaced or left as it was, without
    `overwrite` always left (FileExistsError); anything else is never replaced. An interrupted
    download is gone on with by the same call. Pipes, devices and open files take the bytes in order.
    Raises CorruptedError when the bytes are not those of the File, and OSError for the local file.
    """
    checked(
        DownloadArguments,
        max_concurrency=max_concurrency,
        range_size=range_size,
        resume=resume,
        overwrite=overwrite,
    )
    file = yield from retrieve_file(file_id=file_id, options=options)
    wishes = Wishes(
        max_concurrency=max_concurrency, range_size=range_size, resume=resume, overwrite=overwrite,
        options=given(options),
    )  # fmt: skip
    return (yield from download_known(file, file_id, to=to, wishes=wishes, on_progress=on_progress))


def download_known(
    file: File, file_id: str, *, to: Destination, wishes: Wishes, on_progress: OnProgress | None
) -> Flow[DownloadedFile]:
    """The same for a File that the server has told of. Its id is the one that was asked for."""
    setting = yield from surroundings()
    layout = Layout(size=told_bytes(file) or 0, part_size=wishes.range_size)
    meter = Meter(
        id=file_id,
        total=layout.size,
        parts=layout.count,
        clock=setting.clock,
        report=on_progress,
        window=Window(most=wishes.max_concurrency, clock=setting.clock),
    )
    errand = Errand(file_id=file_id, file=file, meter=meter, options=wishes.options)
    if not isinstance(to, str | os.PathLike):
        return (yield from pour(errand, into=to, name=str(getattr(to, "name", ""))))
    target = yield from work(lambda aborted: find_target(to, filename=file.filename, file_id=file_id))
    if isinstance(target, Pipe):
        return (yield from _into_pipe(errand, target.path))
    name = _record_of(file_id, target, setting, wishes.options)
    record = open_record(_folder(setting), name) if wishes.resume else None
    filling = Filling(errand, folder=target.real.parent, record=record, layout=layout)
    return (yield from _to_its_place(filling, errand, target, overwrite=wishes.overwrite))


def tidy_up(file: File, file_id: str, *, path: Path, options: RequestOptions) -> Flow[None]:
    """Nothing of an earlier run stays beside a File that lies in its place whole: not what it filled, nor
    its journal. It may have been killed when it had put it there."""
    setting = yield from surroundings()

    def tidied(aborted: Callable[[], bool]) -> None:
        target = find_target(path, filename=file.filename, file_id=file_id)
        if not isinstance(target, Place):
            return
        name = _record_of(file_id, target, setting, options)
        if not (_folder(setting) / name).exists():
            return
        with suppress(InUse):
            record = open_record(_folder(setting), name, alone=True)
            if record is not None:
                forget_earlier(record, target.real)

    yield from work(tidied)


def _folder(setting: Setting) -> Path:
    return setting.state_folder / "transfers"


def _record_of(file_id: str, target: Place, setting: Setting, options: RequestOptions) -> str:
    return record_name("download", options.server_url or setting.server_url, file_id, str(target.real))


def _into_pipe(errand: Errand, path: Path) -> Flow[DownloadedFile]:
    stream = yield from work(lambda aborted: open_pipe(path, aborted))
    with closing(stream):
        return (yield from pour(errand, into=stream, name=str(path)))


def _to_its_place(
    filling: Filling, errand: Errand, target: Place, *, overwrite: bool
) -> Flow[DownloadedFile]:
    try:
        if (yield from filling.is_done_at(target.real)):
            resumed = filling.length
        elif target.taken and not overwrite:
            raise already_there(target.path)
        else:
            resumed = yield from _filled(filling, target, overwrite=overwrite)
    finally:
        filling.close()
    return DownloadedFile(
        path=str(target.path),
        bytes=filling.length,
        file=errand.file,
        verified=filling.comparable,
        resumed_bytes=resumed,
    )


def _filled(filling: Filling, target: Place, *, overwrite: bool) -> Flow[int]:
    """Fetch it, let it take its place. How many bytes were there already."""
    try:
        resumed = yield from filling.fetch()
        yield from filling.finish(target.real, overwrite=overwrite)
        return resumed
    except GeneratorExit:
        raise
    except BaseException:
        filling.clean_up_after_failure()
        raise
