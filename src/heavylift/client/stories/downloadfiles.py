"""Downloading many Files into a folder, by id or all of a purpose: several at once, one list of results."""

import os
import stat
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from heavylift.client import checksums, errors
from heavylift.client.calls import Flow, surroundings, together, work
from heavylift.client.config import Setting
from heavylift.client.disk.names import local_name
from heavylift.client.errors import HeavyliftError, InvalidRequestError
from heavylift.client.filesprogress import FilesMeter, OnFilesProgress
from heavylift.client.models import File, FileResult, told_bytes
from heavylift.client.operations.files import list_files, retrieve_file
from heavylift.client.operations.wire import Arguments, checked, given
from heavylift.client.options import RequestOptions
from heavylift.client.paging import MOST_IN_A_PAGE, Cursor
from heavylift.client.progress import Progress
from heavylift.client.stories.download import RANGE_SIZE, Wishes, download_known, tidy_up
from heavylift.client.stories.existing import checksum_of
from heavylift.client.stories.manyfiles import OnResult, concerns_all
from heavylift.client.window import Window


class ManyArguments(Arguments):
    """What is checked before anything is asked."""

    files: Annotated[int, Field(ge=1, le=64)]
    max_concurrency: Annotated[int, Field(ge=1, le=64)]
    resume: bool
    overwrite: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One File: as the server knows it or the reason why it does not, and its place below the folder."""

    file_id: str
    file: File | None = None
    error: Exception | None = None
    steps: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Its bytes, 0 where they are not known."""
        return (told_bytes(self.file) or 0) if self.file is not None else 0


def download_files(
    file_ids: Iterable[str] | None = None,
    *,
    to: str | os.PathLike[str],
    purpose: str | None = None,
    files: int = 8,
    max_concurrency: int = 4,
    resume: bool = True,
    overwrite: bool = True,
    on_result: Callable[[FileResult], object] | None = None,
    on_progress: OnFilesProgress | None = None,
    options: RequestOptions | None = None,
) -> Flow[list[FileResult]]:
    """Download Files into the folder `to`, which is made if need be, several at once; what became of each.

    Either `file_ids` says which, or `purpose`: all that have it. A File goes where its name says below
    the folder, under names that can do no harm; of Files that share a name, each has its id in it. One
    that cannot be had does not keep the others. What lies there already with the File's checksum is
    left out, so the same call goes on after an interruption. `on_result` is told of each File as it
    ends; the list then holds the failures alone.

    Raises HeavyliftError for what concerns no single File, OSError for the folder.
    """
    checked(ManyArguments, files=files, max_concurrency=max_concurrency, resume=resume, overwrite=overwrite)
    if (file_ids is None) == (purpose is None) or isinstance(file_ids, str):
        raise InvalidRequestError("say which Files: a list of file_ids, or a purpose")
    setting = yield from surroundings()
    folder = Path(os.fsdecode(to))
    yield from work(lambda aborted: folder.mkdir(parents=True, exist_ok=True))
    wanted = yield from _wanted(file_ids, purpose, setting, files=files, options=given(options))
    meter = FilesMeter(clock=setting.clock, report=on_progress)
    meter.total = len(wanted), sum(one.size for one in wanted)
    results: list[FileResult] = []

    def tell(result: FileResult) -> None:
        if on_result is None or result.error is not None:
            results.append(result)
        if on_result is not None:
            on_result(result)

    wishes = Wishes(
        max_concurrency=max_concurrency, range_size=RANGE_SIZE, resume=resume, overwrite=overwrite,
        options=given(options),
    )  # fmt: skip
    fetching = Fetching(folder=folder, wishes=wishes, meter=meter, on_result=tell)
    source = iter(_placed(wanted))
    yield from _at_once((fetching.works_off(source) for _ in range(files)), files, setting)
    meter.last()
    return results


def _at_once(flows: Iterator[Flow[None]], files: int, setting: Setting) -> Flow[None]:
    window = Window(most=files, clock=setting.clock)
    window.limit = files
    yield from together(flows, window)


def _wanted(
    file_ids: Iterable[str] | None,
    purpose: str | None,
    setting: Setting,
    *,
    files: int,
    options: RequestOptions,
) -> Flow[list[Wanted]]:
    """All that are to come, with what the server knows of them."""
    if file_ids is None:
        return (yield from _of_purpose(str(purpose), options))
    found = {file_id: Wanted(file_id=file_id) for file_id in file_ids}
    source = iter(list(found))

    def looks_up() -> Flow[None]:
        for file_id in source:
            try:
                file = yield from retrieve_file(file_id, options=options)
                found[file_id] = Wanted(file_id=file_id, file=file)
            except errors.RequestAbortedError:
                raise
            except HeavyliftError as error:
                if concerns_all(error):
                    raise
                found[file_id] = Wanted(file_id=file_id, error=error)

    yield from _at_once((looks_up() for _ in range(files)), files, setting)
    return list(found.values())


def _of_purpose(purpose: str, options: RequestOptions) -> Flow[list[Wanted]]:
    """Held against what each File says: not every server filters."""
    found: list[Wanted] = []
    cursor = Cursor[File]()
    while cursor.after is not None:
        page = yield from list_files(
            purpose=purpose, limit=MOST_IN_A_PAGE, after=cursor.after.get("after"), options=options
        )
        if cursor.takes(page):
            found += [Wanted(file_id=one.id, file=one) for one in page.data if one.purpose == purpose]
    return found


def _placed(wanted: list[Wanted]) -> list[Wanted]:
    """Each with its place. Names that some systems take for the same count as the same."""
    placed = [replace(one, steps=_steps(one)) for one in wanted]
    shared = Counter(_folded(one.steps) for one in placed)
    return [
        replace(one, steps=(*one.steps[:-1], _with_id(one))) if shared[_folded(one.steps)] > 1 else one
        for one in placed
    ]


def _steps(one: Wanted) -> tuple[str, ...]:
    shown = one.file.filename if one.file is not None else ""
    *above, last = shown.replace("\\", "/").split("/")
    folders = [local_name(step, otherwise="_") for step in above if step not in {"", ".", ".."}]
    return (*folders, local_name(last, otherwise=one.file_id))


def _folded(steps: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", step).casefold() for step in steps)


def _with_id(one: Wanted) -> str:
    name = Path(one.steps[-1])
    return local_name(f"{name.stem}.{one.file_id}{name.suffix}", otherwise=one.file_id)


@dataclass(slots=True, kw_only=True)
class Fetching:
    """All Files on their way."""

    folder: Path
    wishes: Wishes
    meter: FilesMeter
    on_result: OnResult
    _hopeless: Exception | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def works_off(self, source: Iterator[Wanted]) -> Flow[None]:
        """One after the other, until there are no more."""
        for one in source:
            yield from self._ends(one)

    def _ends(self, one: Wanted) -> Flow[None]:
        """Fetch this one; whatever becomes of it is told, and keeps no other from its turn."""
        self.meter.begun()
        path = self.folder.joinpath(*one.steps)
        error = one.error or self._hopeless
        skipped = ""
        try:
            if error is None and one.file is not None:
                skipped = yield from self._fetched(one.file, one.file_id, path)
        except errors.RequestAbortedError:
            raise
        except (HeavyliftError, OSError) as failed:
            error = failed
            if isinstance(failed, HeavyliftError) and concerns_all(failed):
                self._hopeless = failed
        shown = one.file.filename if one.file is not None else one.file_id
        result = FileResult(path=str(path), filename=shown, file=one.file, error=error, skipped=skipped)
        left_out = one.size if skipped or error is not None else 0
        with self._lock:
            self.meter.ended(failed=error is not None, skipped=bool(skipped), passed_over=left_out)
            self.on_result(result)

    def _fetched(self, file: File, file_id: str, path: Path) -> Flow[str]:
        """Put it there; or why that was not needed."""
        here = "it is here already"
        if (yield from work(lambda aborted: _is_there(file, path))):
            if self.wishes.resume:
                yield from tidy_up(file, file_id, path=path, options=self.wishes.options)
            return here
        told = 0

        def report(progress: Progress) -> None:
            nonlocal told
            self.meter.moved(progress.bytes_done - told)
            told = progress.bytes_done

        try:
            yield from download_known(file, file_id, to=path, wishes=self.wishes, on_progress=report)
        except (HeavyliftError, OSError) as error:
            self.meter.moved(-told)  # all of it is passed over
            if isinstance(error, FileExistsError) and (
                yield from work(lambda aborted: _is_there(file, path))
            ):
                return here  # another run was faster
            raise
        return ""


def _is_there(file: File, path: Path) -> bool:
    """Whether the same bytes lie there. Makes the folder for them if nothing does."""
    try:
        facts = os.stat(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return False
    if not stat.S_ISREG(facts.st_mode) or facts.st_size != told_bytes(file):
        return False
    return checksums.comparable(file.checksum) and checksums.agrees(
        file.checksum, checksum_of(str(path), facts.st_size)
    )
