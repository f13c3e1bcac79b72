"""The blocking driver: runs flows on the calling thread, and those at once on a thread each."""

import inspect
import threading
from collections.abc import AsyncIterable, Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeAlias, TypeVar

from heavylift.client.calls import (
    Attempt,
    Call,
    Discard,
    Drain,
    Evaluate,
    Flow,
    Pause,
    Step,
    Surroundings,
    Together,
    Work,
)
from heavylift.client.config import Setting
from heavylift.client.drivers.transport import BlockingTransport
from heavylift.client.errors import InvalidRequestError, RequestAbortedError
from heavylift.client.exchange import exchange
from heavylift.client.fileobjects import drain

T = TypeVar("T")

GRACE_SECONDS: Final = 5.0
"""How long the siblings of a failed flow may take to notice; one that a dead server holds is left behind."""

INNER_GRACE_SECONDS: Final = 1.0
"""The same for those of a flow that is itself one of several: it has to end within the others' grace."""

NOTICE_SECONDS: Final = 1.0
"""How soon Ctrl-C is noticed that comes in the very moment before the wait for a thread. The interpreter
has taken the signal by then, and looks at it only when the wait ends."""

Wait: TypeAlias = Callable[[threading.Event, float], bool]
"""Wait for the event, at most so many seconds; true if it came."""


class BlockingDriver:
    """Does what flows ask for, one step after the other."""

    def __init__(
        self, transport: BlockingTransport, setting: Setting, *, wait: Wait = threading.Event.wait
    ) -> None:
        self.transport = transport
        self.setting = setting
        self._wait = wait

    def run(self, flow: Flow[T], *, aborted: threading.Event | None = None) -> T:
        """Run the flow to its end; its result, or what it raises."""
        stop = aborted or threading.Event()
        answer: Any = None
        error: BaseException | None = None
        while True:
            try:
                step = flow.send(answer) if error is None else flow.throw(error)
            except StopIteration as end:
                result: T = end.value
                return result
            answer, error = None, None
            try:
                answer = self._perform(step, stop)
            except BaseException as raised:  # the flow decides what it means
                error = raised

    def _perform(self, step: Step, stop: threading.Event) -> Any:
        answer: Any = None
        match step:
            case Call():
                answer = self.run(exchange(step, self.setting), aborted=stop)
            case Attempt():
                answer = self.transport.send(step, stop.is_set)
            case Discard(answer=left):
                self.transport.discard(left)
            case Pause(seconds=seconds):
                self._pause(stop, seconds)
            case Evaluate(function=function):
                answer = _evaluated(function)
            case Work(function=function):
                answer = function(stop.is_set)
            case Drain(file=file, write=write):
                _drain(file, write)
            case Together():
                answer = _Crew(self, step, stop).work_off()
            case Surroundings():
                answer = self.setting
        return answer

    def _pause(self, stop: threading.Event, seconds: float) -> None:
        if self._wait(stop, seconds):
            raise RequestAbortedError("Given up while waiting for the next attempt")


def _drain(file: object, write: Callable[[bytes], object]) -> None:
    if isinstance(file, AsyncIterable) and not hasattr(file, "read"):
        raise InvalidRequestError("An asynchronous iterator needs AsyncHeavylift")
    drain(file, write)


def _evaluated(function: Callable[[], Any]) -> Any:
    value = function()
    if inspect.iscoroutine(value):
        value.close()
    if inspect.isawaitable(value):
        raise InvalidRequestError("A coroutine function needs AsyncHeavylift; give a plain function here")
    return value


Ended: TypeAlias = tuple[int, Any, BaseException | None]
"""A flow that is over: its number, its result, what it raised."""


class _Crew:
    """Threads that run flows at once. The calling thread alone pulls and starts them."""

    def __init__(self, driver: BlockingDriver, step: Together[Any], told: threading.Event) -> None:
        self._driver = driver
        self._flows = enumerate(step.flows)
        self._window = step.window
        self._told = told
        self._stop = threading.Event()
        self._ended: SimpleQueue[Ended | None] = SimpleQueue()
        self._running = 0

    def work_off(self) -> list[Any]:
        """Their results, in order. After a failure the others are told to stop, and waited for."""
        self._window.on_growth = lambda: self._ended.put(None)
        results: dict[int, Any] = {}
        try:
            while self._start_as_many_as_fit():
                if self._told.is_set():  # this crew is one flow of another, which is given up
                    raise RequestAbortedError("Given up with the transfers beside it")
                if (ended := self._next_ended()) is not None:
                    self._running -= 1
                    index, result, error = ended
                    if error is not None:
                        raise error
                    results[index] = result
        except BaseException:
            self._stop.set()
            self._wait_for_the_others()
            raise
        return [results[index] for index in sorted(results)]

    def _next_ended(self) -> "Ended | None":
        """What ended; None if the window has grown, or nothing has happened for a while."""
        with suppress(Empty):
            return self._ended.get(timeout=NOTICE_SECONDS)
        return None

    def _start_as_many_as_fit(self) -> bool:
        """Whether any is running then."""
        while self._running < self._window.limit:
            numbered = next(self._flows, None)
            if numbered is None:
                break
            self._running += 1  # first: Ctrl-C may come while it starts
            threading.Thread(target=self._run, args=numbered, name="heavylift-part", daemon=True).start()
        return self._running > 0

    def _run(self, index: int, flow: Flow[Any]) -> None:
        try:
            self._ended.put((index, self._driver.run(flow, aborted=self._stop), None))
        except BaseException as error:  # handed to the calling thread, which raises it
            self._ended.put((index, None, error))

    def _wait_for_the_others(self) -> None:
        grace = INNER_GRACE_SECONDS if self._told.is_set() else GRACE_SECONDS
        while self._running:
            try:
                ended = self._ended.get(timeout=grace)
            except Empty:
                return
            self._running -= ended is not None
