"""Both drivers without a network: a scripted handler behind the HTTP library's own mock transport."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import httpx2

from heavylift.client.calls import Flow
from heavylift.client.config import Setting
from heavylift.client.drivers.asynchronous import AsyncDriver
from heavylift.client.drivers.blocking import BlockingDriver
from heavylift.client.drivers.transport import AsyncTransport, BlockingTransport

Handle = Callable[[httpx2.Request], httpx2.Response]

URL = "http://server.test/v1"
MOMENT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class Rig:
    """Runs flows on the driver it is named after. Time stands still, but for what pauses add, and for `tick`
    seconds at each look at the clock."""

    driver: Literal["blocking", "asyncio"]
    folder: Path
    handle: Handle = lambda request: httpx2.Response(500)
    pauses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    tick: float = 0.0
    setting: Setting = field(init=False)

    def __post_init__(self) -> None:
        self.setting = Setting(
            api_key="sk-secret",
            server_url=URL,
            state_folder=self.folder,
            clock=self._look,
            now=lambda: MOMENT,
            dice=lambda: 0.0,
            new_key=lambda: "key-1",
        )

    def set(self, **changes: Any) -> None:
        """Change the client's setting."""
        self.setting = replace(self.setting, **changes)

    def run(self, flow: Flow[Any]) -> Any:
        """The flow's result, or what it raises."""
        if self.driver == "asyncio":
            return asyncio.run(self._run_async(flow))
        with httpx2.Client(transport=httpx2.MockTransport(self.handle)) as client:
            driver = BlockingDriver(BlockingTransport(client), self.setting, wait=self._wait)
            return driver.run(flow)

    async def _run_async(self, flow: Flow[Any]) -> Any:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(self.handle)) as client:
            return await AsyncDriver(AsyncTransport(client), self.setting, sleep=self._sleep).run(flow)

    def _wait(self, aborted: threading.Event, seconds: float) -> bool:
        self._pass(seconds)
        return aborted.is_set()

    async def _sleep(self, seconds: float) -> None:
        self._pass(seconds)

    def _look(self) -> float:
        self.seconds += self.tick
        return self.seconds

    def _pass(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds


def envelope(status: int, message: str, **fields: Any) -> httpx2.Response:
    """An error as the protocol has it. `headers` are taken out of the fields."""
    headers = fields.pop("headers", {})
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None, **fields}
    return httpx2.Response(status, json={"error": error}, headers=headers)
