"""From one flow to a function and two methods, with its signature kept for the type checkers.

A Function takes either client and gives a Result; a method is that function on the client of
its resource, unwrapped. So every operation is told once, as a flow, and nowhere again.
"""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from heavylift.client.calls import Flow
from heavylift.client.drivers.asynchronous import AsyncDriver
from heavylift.client.drivers.blocking import BlockingDriver
from heavylift.client.errors import HeavyliftError
from heavylift.client.models import Identified, Page
from heavylift.client.result import Err, Ok, Result

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Item = TypeVar("Item", bound=Identified)


class OnBlocking:
    """What runs its calls on a blocking driver: the client, and its resources."""

    def __init__(self, driver: BlockingDriver) -> None:
        self._driver = driver

    @property
    def driver(self) -> BlockingDriver:
        """The driver that runs the flows."""
        return self._driver


class OnAsync:
    """What runs its calls on an asynchronous driver: the client, and its resources."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    @property
    def driver(self) -> AsyncDriver:
        """The driver that runs the flows."""
        return self._driver


class Function(Generic[P, T]):
    """A flow as a function of a client. Known errors come back as `Err`, all else is raised."""

    def __init__(self, flow: Callable[P, Flow[T]]) -> None:
        functools.update_wrapper(self, flow)
        self._flow = flow

    @overload
    def __call__(self, client: OnBlocking, /, *args: P.args, **kwargs: P.kwargs) -> Result[T]: ...
    @overload
    def __call__(self, client: OnAsync, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[Result[T]]: ...
    def __call__(
        self, client: OnBlocking | OnAsync, /, *args: P.args, **kwargs: P.kwargs
    ) -> Result[T] | Awaitable[Result[T]]:
        """Run it on this client."""
        if isinstance(client, OnAsync):
            return self.on_loop(client.driver, *args, **kwargs)
        try:
            return Ok(client.driver.run(self._flow(*args, **kwargs)))
        except (HeavyliftError, OSError) as error:
            return Err(error)

    async def on_loop(self, driver: AsyncDriver, *args: P.args, **kwargs: P.kwargs) -> Result[T]:
        """Run it on an asynchronous driver."""
        try:
            return Ok(await driver.run(self._flow(*args, **kwargs)))
        except (HeavyliftError, OSError) as error:
            return Err(error)


class Method(Generic[P, T]):
    """A Function as a method of a blocking resource."""

    def __init__(self, function: Function[P, T]) -> None:
        self.__doc__ = function.__doc__
        self._function = function

    def __get__(self, resource: OnBlocking, owner: type) -> Callable[P, T]:
        """Bound to its client."""

        @functools.wraps(self._function)
        def bound(*args: P.args, **kwargs: P.kwargs) -> T:
            return self._function(resource, *args, **kwargs).unwrap()

        return bound


class AsyncMethod(Generic[P, T]):
    """A Function as a method of an asynchronous resource."""

    def __init__(self, function: Function[P, T]) -> None:
        self.__doc__ = function.__doc__
        self._function = function

    def __get__(self, resource: OnAsync, owner: type) -> Callable[P, Coroutine[Any, Any, T]]:
        """Bound to its client."""

        @functools.wraps(self._function)
        async def bound(*args: P.args, **kwargs: P.kwargs) -> T:
            return (await self._function(resource, *args, **kwargs)).unwrap()

        return bound


class Fetch(Protocol[T_co]):
    """Fetches the page after this id; the first one for what the caller said."""

    def __call__(self, **after: str) -> T_co:
        """The page."""
        ...


def _cursor(page: Page[Item], before: str | None) -> str | None:
    """Where the next page begins, None at the end. A server that repeats itself does not go on forever."""
    last = page.data[-1].id if page.data else None
    return last if page.has_more and last != before else None


class Pager(Generic[Item]):
    """All items of a list, page after page as they are needed. Iterating again asks again."""

    def __init__(self, fetch: Fetch[Page[Item]]) -> None:
        self._fetch = fetch

    def __iter__(self) -> Iterator[Item]:
        for page in self.pages():
            yield from page.data

    def pages(self) -> Iterator[Page[Item]]:
        """The pages themselves."""
        page = self._fetch()
        yield page
        cursor = _cursor(page, None)
        while cursor is not None:
            page = self._fetch(after=cursor)
            yield page
            cursor = _cursor(page, cursor)


class AsyncPager(Generic[Item]):
    """All items of a list, page after page as they are needed. Iterating again asks again."""

    def __init__(self, fetch: Fetch[Awaitable[Page[Item]]]) -> None:
        self._fetch = fetch

    async def __aiter__(self) -> AsyncIterator[Item]:
        async for page in self.pages():
            for item in page.data:
                yield item

    async def pages(self) -> AsyncIterator[Page[Item]]:
        """The pages themselves."""
        page = await self._fetch()
        yield page
        cursor = _cursor(page, None)
        while cursor is not None:
            page = await self._fetch(after=cursor)
            yield page
            cursor = _cursor(page, cursor)


class Listing(Generic[P, Item]):
    """A Function of pages as a method of a blocking resource."""

    def __init__(self, function: Function[P, Page[Item]]) -> None:
        self.__doc__ = function.__doc__
        self._method = Method(function)

    def __get__(self, resource: OnBlocking, owner: type) -> Callable[P, Pager[Item]]:
        """Bound to its client."""
        # The cursor joins the caller's keywords, which no type can say.
        fetch = cast("Callable[..., Page[Item]]", self._method.__get__(resource, owner))

        @functools.wraps(fetch)
        def bound(*args: P.args, **kwargs: P.kwargs) -> Pager[Item]:
            return Pager(lambda **after: fetch(*args, **{**kwargs, **after}))

        return bound


class AsyncListing(Generic[P, Item]):
    """A Function of pages as a method of an asynchronous resource."""

    def __init__(self, function: Function[P, Page[Item]]) -> None:
        self.__doc__ = function.__doc__
        self._method = AsyncMethod(function)

    def __get__(self, resource: OnAsync, owner: type) -> Callable[P, AsyncPager[Item]]:
        """Bound to its client."""
        # The cursor joins the caller's keywords, which no type can say.
        fetch = cast("Callable[..., Awaitable[Page[Item]]]", self._method.__get__(resource, owner))

        @functools.wraps(fetch)
        def bound(*args: P.args, **kwargs: P.kwargs) -> AsyncPager[Item]:
            return AsyncPager(lambda **after: fetch(*args, **{**kwargs, **after}))

        return bound
