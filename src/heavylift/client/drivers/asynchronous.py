"""The asynchronous driver: runs flows on the event loop, and those at once in a task each."""

import asyncio
import inspect
from collections.abc import AsyncIterable, Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

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
from heavylift.client.drivers.threads import GRACE_SECONDS, in_own_thread, in_thread
from heavylift.client.drivers.transport import AsyncTransport
from heavylift.client.exchange import exchange
from heavylift.client.fileobjects import as_bytes, drain, reads_awaited
from heavylift.client.sources import BLOCK

T = TypeVar("T")

Sleep: TypeAlias = Callable[[float], Awaitable[object]]


class AsyncDriver:
    """Does what flows ask for, one step after the other."""

    def __init__(self, transport: AsyncTransport, setting: Setting, *, sleep: Sleep = asyncio.sleep) -> None:
        self.transport = transport
        self.setting = setting
        self._sleep = sleep

    async def run(self, flow: Flow[T]) -> T:
        """Run the flow to its end; its result, or what it raises. A cancellation is raised in the flow."""
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
                answer = await self._perform(step)
            except BaseException as raised:  # the flow decides what it means
                error = raised

    async def _perform(self, step: Step) -> Any:
        answer: Any = None
        match step:
            case Call():
                answer = await self.run(exchange(step, self.setting))
            case Attempt():
                answer = await self.transport.send(step)
            case Discard(answer=left):
                await self.transport.discard(left)
            case Pause(seconds=seconds):
                await self._sleep(seconds)
            case Evaluate(function=function):
                value = function()
                answer = await value if inspect.isawaitable(value) else value
            case Work(function=function):
                answer = await in_own_thread(function)
            case Drain(file=file, write=write):
                await _drain(file, write)
            case Together():
                answer = await _Crew(self, step).work_off()
            case Surroundings():
                answer = self.setting
        return answer


async def _drain(file: Any, write: Callable[[bytes], object]) -> None:
    """A user's plain code runs in a thread of its own, which it may hold for as long as it likes."""
    if reads_awaited(file):
        while block := as_bytes(await file.read(BLOCK)):
            await in_thread(partial(write, block))
    elif isinstance(file, AsyncIterable) and not hasattr(file, "read"):
        async for block in file:
            await in_thread(partial(write, as_bytes(block)))
    else:
        await in_own_thread(lambda stopped: drain(file, write, stopped), grace=GRACE_SECONDS)


class _Crew:
    """Tasks that run flows at once."""

    def __init__(self, driver: AsyncDriver, step: Together[Any]) -> None:
        self._driver = driver
        self._flows = enumerate(step.flows)
        self._window = step.window
        self._ended: asyncio.Queue[asyncio.Task[Any] | None] = asyncio.Queue()
        self._running: dict[asyncio.Task[Any], int] = {}

    async def work_off(self) -> list[Any]:
        """Their results, in order. After a failure the others are cancelled, and waited for."""
        self._window.on_growth = lambda: self._ended.put_nowait(None)
        results: dict[int, Any] = {}
        try:
            while self._start_as_many_as_fit():
                task = await self._ended.get()
                if task is not None:
                    results[self._running.pop(task)] = task.result()
        except BaseException:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            raise
        return [results[index] for index in sorted(results)]

    def _start_as_many_as_fit(self) -> bool:
        """Whether any is running then."""
        while len(self._running) < self._window.limit:
            numbered = next(self._flows, None)
            if numbered is None:
                break
            index, flow = numbered
            task = asyncio.create_task(self._driver.run(flow), name="heavylift-part")
            task.add_done_callback(self._ended.put_nowait)
            self._running[task] = index
        return bool(self._running)
