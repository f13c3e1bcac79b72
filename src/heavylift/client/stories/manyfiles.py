"""Many files, several at once: small ones in one request each, large ones in Parts; each ends by itself."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Final

from heavylift.client import errors
from heavylift.client.calls import Flow, together, work
from heavylift.client.disk.folders import Found
from heavylift.client.errors import HeavyliftError
from heavylift.client.filesprogress import FilesMeter
from heavylift.client.intake import take_in
from heavylift.client.mime import guess_mime_type
from heavylift.client.models import File, FileResult
from heavylift.client.operations.files import form_texts, post_file
from heavylift.client.operations.wire import Expiry
from heavylift.client.options import RequestOptions
from heavylift.client.progress import Progress
from heavylift.client.sendings import Sendings
from heavylift.client.sources import Local
from heavylift.client.stories.delivery import OnFailure
from heavylift.client.stories.existing import Existing, still_there
from heavylift.client.stories.layout import SMALLEST_PART
from heavylift.client.stories.upload import upload_file
from heavylift.client.window import Window

MOST_WAITING: Final = 1000
"""Large files that are found while one is on its way wait for it; more than so many do not."""

OnResult = Callable[[FileResult], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyWishes:
    """What the user asked for, for all files alike."""

    purpose: str
    mime_type: str | None
    part_size: int | None
    files: int
    max_concurrency: int
    expires_after: Expiry | None
    resume: bool
    on_failure: OnFailure
    options: RequestOptions


@dataclass(slots=True, kw_only=True)
class Sending:
    """All files on their way. `run` once. What `found` gives is pulled as there is room."""

    found: Iterable[Found]
    wishes: ManyWishes
    meter: FilesMeter
    on_result: OnResult
    record: Sendings | None = None
    existing: Existing | None = None
    clock: Callable[[], float]
    failures: int = 0
    notes: list[str] = field(default_factory=list)
    """What became of the Uploads that an interruption has ended."""
    _large: deque[Found] = field(default_factory=deque)
    _on_its_way: int = 0
    _hopeless: Exception | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> Flow[None]:
        """Send all of them. Raises what is no fault of one file: an interruption, a wrong argument."""
        texts = form_texts(self.wishes.purpose, self.wishes.expires_after)
        source = iter(self.found)
        window = Window(most=self.wishes.files, clock=self.clock)
        window.limit = self.wishes.files
        yield from together((self._works_off(source, texts) for _ in range(self.wishes.files)), window)
        self.meter.last()

    def _works_off(self, source: Iterator[Found], texts: tuple[tuple[str, str], ...]) -> Flow[None]:
        """One after the other, until there are no more."""
        while True:
            found = yield from work(lambda aborted: self._next(source))
            if found is None:
                return
            if found.size <= (self.wishes.part_size or SMALLEST_PART):
                yield from self._ends(found, self._in_one(found, texts))
            elif not self._waits(found):
                try:
                    yield from self._ends(found, self._in_parts(found))
                finally:
                    with self._lock:
                        self._on_its_way -= 1

    def _next(self, source: Iterator[Found]) -> Found | None:
        """A large one that has waited for its turn, or the next that is found."""
        with self._lock:
            if self._large and not self._on_its_way:
                return self._large.popleft()
            return next(source, None)

    def _waits(self, found: Found) -> bool:
        """One large file fills the line with its Parts: the next waits for its end, in the hands of whoever
        sends that one, but for those that are too many to be remembered."""
        with self._lock:
            waits = self._on_its_way > 0 and len(self._large) < MOST_WAITING
            if waits:
                self._large.append(found)
            else:
                self._on_its_way += 1
            return waits

    def _ends(self, found: Found, sending: Flow[FileResult]) -> Flow[None]:
        """Send this one; whatever becomes of it is told, and keeps no other from being sent."""
        self.meter.begun()
        try:
            if self._hopeless is not None:
                result = _failed(found, self._hopeless)
            elif found.odd:
                result = FileResult(path=found.path, filename=found.name, skipped=found.odd)
            elif found.error is not None:
                result = _failed(found, found.error)
            else:
                before = yield from self._sent_before(found)
                result = before or (yield from sending)
        except errors.RequestAbortedError as stop:
            self.notes.extend(getattr(stop, "__notes__", ()))
            raise
        except (HeavyliftError, OSError) as error:
            result = _failed(found, error)
            if concerns_all(error):
                self._hopeless = error
        with self._lock:
            self.failures += result.error is not None
            left_out = bool(result.skipped or result.error)
            self.meter.ended(
                failed=result.error is not None,
                skipped=bool(result.skipped),
                passed_over=found.size if left_out else 0,
            )
            self.on_result(result)

    def _sent_before(self, found: Found) -> Flow[FileResult | None]:
        """By an earlier run, or by whoever."""
        file: File | None = None
        why = "it is on the server already"
        if self.record is not None:
            file_id = self.record.file_id(found.name, found.path)
            if file_id is not None:
                file = yield from still_there(file_id, found.size, self.wishes.options)
                why = "an earlier run has sent it"
        if file is None and self.existing is not None:
            file = yield from self.existing.same_as(found)
        if file is None:
            return None
        return FileResult(path=found.path, filename=found.name, file=file, skipped=why)

    def _in_one(self, found: Found, texts: tuple[tuple[str, str], ...]) -> Flow[FileResult]:
        facts = os.stat(found.path)
        local = yield from take_in(found.path, filename=found.name)
        with closing(local):
            file = yield from self._posted(found, facts, local, texts)
        return self._done(found, facts, file)

    def _posted(
        self, found: Found, facts: os.stat_result, local: Local, texts: tuple[tuple[str, str], ...]
    ) -> Flow[File]:
        """Its File: the one that an earlier run has made, if that was killed before it heard of it."""

        def post(options: RequestOptions) -> Flow[File]:
            return post_file(
                local,
                texts=texts,
                mime_type=self.wishes.mime_type or guess_mime_type(found.name),
                options=options,
                watch=self.meter,
                patient=True,
            )

        options = self.wishes.options
        key = self.record.key(found.name, found.path, facts) if self.record is not None else ""
        if not key or "idempotency-key" in map(str.lower, options.http_headers):
            return (yield from post(options))
        headers = {**options.http_headers, "Idempotency-Key": key}
        try:
            return (yield from post(replace(options, http_headers=headers)))
        except errors.SDKError as error:
            if error.code != "idempotency_key_reused":
                raise
        return (yield from post(options))  # what it made was deleted since, or the file has changed unseen

    def _in_parts(self, found: Found) -> Flow[FileResult]:
        facts = os.stat(found.path)
        wishes, told = self.wishes, 0

        def report(progress: Progress) -> None:
            nonlocal told
            self.meter.moved(progress.bytes_done - told)
            told = progress.bytes_done

        try:
            done = yield from upload_file(
                found.path,
                filename=found.name,
                purpose=wishes.purpose,
                mime_type=wishes.mime_type,
                part_size=wishes.part_size,
                max_concurrency=wishes.max_concurrency,
                expires_after=wishes.expires_after,
                resume=wishes.resume,
                on_failure=wishes.on_failure,
                on_progress=report,
                options=wishes.options,
            )
        except (HeavyliftError, OSError):
            self.meter.moved(-told)  # all of it is passed over
            raise
        return self._done(found, facts, done.file)

    def _done(self, found: Found, facts: os.stat_result, file: File) -> FileResult:
        if self.record is not None:
            self.record.add(found.name, facts, file.id)
        return FileResult(path=found.path, filename=found.name, file=file)


def _failed(found: Found, error: Exception) -> FileResult:
    return FileResult(path=found.path, filename=found.name, error=error)


def concerns_all(error: Exception) -> bool:
    """Whether no other file would fare better: nobody takes this key, or nobody answers."""
    if isinstance(error, errors.InvalidRequestError):
        return isinstance(error, errors.MissingKeyError)
    return isinstance(
        error, errors.AuthenticationError | errors.PermissionDeniedError | errors.HTTPClientError
    )
