"""Uploading many files or whole folders: which they are, what is known of them, and one list of results."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field

from heavylift.client.calls import Flow, surroundings, work
from heavylift.client.config import Setting
from heavylift.client.disk.folders import Choice, Found, at
from heavylift.client.errors import InvalidRequestError
from heavylift.client.filesprogress import FilesMeter, OnFilesProgress
from heavylift.client.journal import prune
from heavylift.client.models import FileResult
from heavylift.client.operations.wire import Arguments, Expiry, Named, checked, given
from heavylift.client.options import RequestOptions
from heavylift.client.owner import owner_of, server_of
from heavylift.client.sendings import Sendings, open_sendings
from heavylift.client.stories.delivery import OnFailure
from heavylift.client.stories.existing import Existing
from heavylift.client.stories.layout import LARGEST_PART
from heavylift.client.stories.manyfiles import ManyWishes, Sending

OnePath: TypeAlias = str | os.PathLike[str] | tuple[str | os.PathLike[str], str]
"""A file, or a folder with all that is below it; or a file and what it is to be called."""

Paths: TypeAlias = str | os.PathLike[str] | Iterable[OnePath]


class ManyArguments(Arguments):
    """What is checked before a file is touched."""

    purpose: Named
    part_size: Annotated[int, Field(ge=1, le=LARGEST_PART)] | None
    files: Annotated[int, Field(ge=1, le=64)]
    max_concurrency: Annotated[int, Field(ge=1, le=64)]
    on_failure: OnFailure


def upload_files(
    paths: Paths,
    *,
    purpose: str,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    mime_type: str | None = None,
    part_size: int | None = None,
    files: int = 16,
    max_concurrency: int = 8,
    expires_after: Expiry | None = None,
    resume: bool = True,
    on_failure: OnFailure = "auto",
    skip_existing: bool = False,
    on_result: Callable[[FileResult], object] | None = None,
    on_progress: OnFilesProgress | None = None,
    options: RequestOptions | None = None,
) -> Flow[list[FileResult]]:
    """Upload many files, or all below a folder, several at once; what became of each.

    A File below a folder is called by its path below it, with `/`. Small files go in one request
    each, larger ones in Parts. One that cannot be read or is refused does not keep the others from
    being sent. With `resume`, the same call leaves out what an earlier one has sent before it was
    interrupted. `on_result` is told of each file as it ends; the list then holds the failures
    alone, so that it stays small.

    Raises HeavyliftError for what concerns no single file.
    """
    checked(
        ManyArguments, purpose=purpose, part_size=part_size, files=files,
        max_concurrency=max_concurrency, on_failure=on_failure,
    )  # fmt: skip
    setting = yield from surroundings()
    choice = _choice(setting, include, exclude)
    results: list[FileResult] = []

    def tell(result: FileResult) -> None:
        if on_result is None or result.error is not None:
            results.append(result)
        if on_result is not None:
            on_result(result)

    wishes = ManyWishes(
        purpose=purpose, mime_type=mime_type, part_size=part_size, files=files,
        max_concurrency=max_concurrency, expires_after=expires_after, resume=resume, on_failure=on_failure,
        options=given(options),
    )  # fmt: skip
    meter = FilesMeter(clock=setting.clock, report=on_progress)
    if on_progress is not None and not isinstance(paths, Iterator):
        meter.total = yield from work(lambda aborted: _counted(chosen(paths, choice)))
    existing = Existing() if skip_existing else None
    if existing is not None:
        yield from existing.learn(purpose, wishes.options)
    sending = Sending(
        found=chosen(paths, choice), wishes=wishes, meter=meter, on_result=tell, existing=existing,
        clock=setting.clock,
    )  # fmt: skip
    yield from _carried_out(sending, setting, paths)
    return results


def _carried_out(sending: Sending, setting: Setting, paths: Paths) -> Flow[None]:
    """With a record, which is kept while anything is left to do."""
    with _recorded(setting, sending.wishes, paths) as record:
        sending.record = record
        try:
            yield from sending.run()
        except GeneratorExit:
            raise
        except BaseException as stop:
            for note in sending.notes:
                stop.add_note(note)
            raise
        if record is not None and not sending.failures:
            record.forget()


def chosen(paths: Paths, choice: Choice) -> Iterator[Found]:
    """What these paths stand for, looked up one by one as it is asked for."""
    several: Iterable[OnePath] = [paths] if isinstance(paths, str | os.PathLike) else paths
    for one in several:
        path, name = one if isinstance(one, tuple) else (one, None)
        for found in at(os.fsdecode(path), choice):
            yield found if name is None else replace(found, name=name)


def _counted(several: Iterable[Found]) -> tuple[int, int]:
    files = size = 0
    for found in several:
        files += 1
        size += found.size
    return files, size


def _patterns(name: str, patterns: Sequence[str]) -> Sequence[str]:
    if isinstance(patterns, str):
        raise InvalidRequestError(f"{name} is a list of patterns, such as [{patterns!r}]")
    return tuple(patterns)


def _choice(setting: Setting, include: Sequence[str], exclude: Sequence[str]) -> Choice:
    return Choice(
        own=os.path.realpath(_folder(setting)),
        include=_patterns("include", include),
        exclude=_patterns("exclude", exclude),
    )


def _folder(setting: Setting) -> Path:
    return setting.state_folder / "transfers"


@contextmanager
def _recorded(setting: Setting, wishes: ManyWishes, paths: Paths) -> Iterator[Sendings | None]:
    """What is sent is noted, unless the paths come from who knows where."""
    if not wishes.resume or isinstance(paths, Iterator):
        yield None
        return
    folder = _folder(setting)
    prune(folder, now=setting.now().timestamp())
    several: Iterable[OnePath] = [paths] if isinstance(paths, str | os.PathLike) else paths
    named = [str(one[0] if isinstance(one, tuple) else os.fsdecode(one)) for one in several]
    about = (
        server_of(wishes.options.server_url or setting.server_url),
        owner_of(setting.api_key, {**setting.headers, **wishes.options.http_headers}),
        wishes.purpose, wishes.mime_type or "", str(wishes.expires_after),
        *(os.path.abspath(Path(one)) for one in named),
    )  # fmt: skip
    record = open_sendings(folder, about)
    try:
        yield record
    finally:
        if record is not None:
            record.close()
