"""`with_raw_response`: the answer itself, and what it was understood as."""

import dataclasses
import json
from collections.abc import Coroutine, Mapping
from typing import Any, Generic, TypeVar, cast

from heavylift.client.calls import Answer
from heavylift.client.config import Setting
from heavylift.client.drivers.asynchronous import AsyncDriver
from heavylift.client.drivers.blocking import BlockingDriver
from heavylift.client.hooks import HookContext, Hooks
from heavylift.client.methods import Bindable, Bound, OnAsync, OnBlocking, P

T = TypeVar("T")


class RawResponse(Generic[T]):
    """The last answer of a call. `parse()` gives what the call without `with_raw_response` does."""

    def __init__(self, parsed: T, answer: Answer) -> None:
        self._parsed = parsed
        self._answer = answer

    def parse(self) -> T:
        """What it was understood as."""
        return self._parsed

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers, found in any case."""
        return self._answer.headers

    @property
    def request_id(self) -> str | None:
        """What to quote when asking for support."""
        return self._answer.headers.get("x-request-id")

    @property
    def content(self) -> bytes:
        """Its body; empty where that went elsewhere, as the content of a File does."""
        return self._answer.content

    @property
    def text(self) -> str:
        """The same as text."""
        return self._answer.text

    def json(self) -> Any:
        """The same as what the JSON stands for. Raises ValueError."""
        return json.loads(self._answer.content)

    @property
    def http_response(self) -> Any:
        """The HTTP library's response."""
        return self._answer.raw

    @property
    def http_request(self) -> Any:
        """The HTTP library's request."""
        return self._answer.raw.request


class _Keeping(Hooks):
    """Keeps the last answer."""

    answer: Answer = Answer(status=0, headers={})

    def after_success(self, context: HookContext, answer: Answer) -> Answer:
        self.answer = answer
        return answer


def _kept_by(keeping: Hooks, setting: Setting) -> Setting:
    return dataclasses.replace(setting, hooks=(*setting.hooks, keeping))


class RawMethod(Bindable[P, T]):
    """A Function as a method of a blocking resource that gives a RawResponse."""

    @staticmethod
    def returns(result: Any) -> Any:
        """The answer around it."""
        return RawResponse[result]

    def __get__(self, resource: OnBlocking, owner: type) -> Bound[P, RawResponse[T]]:
        """Bound to its client."""

        def bound(*args: Any, **kwargs: Any) -> RawResponse[T]:
            keeping = _Keeping()
            driver = BlockingDriver(resource.driver.transport, _kept_by(keeping, resource.driver.setting))
            value = self.function(OnBlocking(driver), *args, **kwargs).unwrap()
            return RawResponse(value, keeping.answer)

        return cast("Bound[P, RawResponse[T]]", self.as_method(bound))


class AsyncRawMethod(Bindable[P, T]):
    """A Function as a method of an asynchronous resource that gives a RawResponse."""

    @staticmethod
    def returns(result: Any) -> Any:
        """The answer around it."""
        return RawResponse[result]

    def __get__(self, resource: OnAsync, owner: type) -> Bound[P, Coroutine[Any, Any, RawResponse[T]]]:
        """Bound to its client."""

        async def bound(*args: Any, **kwargs: Any) -> RawResponse[T]:
            keeping = _Keeping()
            driver = AsyncDriver(resource.driver.transport, _kept_by(keeping, resource.driver.setting))
            value = (await self.function(OnAsync(driver), *args, **kwargs)).unwrap()
            return RawResponse(value, keeping.answer)

        return cast("Bound[P, Coroutine[Any, Any, RawResponse[T]]]", self.as_method(bound))
