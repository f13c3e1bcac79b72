"""From one flow to a function and two methods, with its signature kept for the type checkers.

A Function takes either client and gives a Result; a method is that function on the client of
its resource, unwrapped. So every operation is told once, as a flow, and nowhere again.
"""

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast, get_args, overload

from heavylift.client.calls import Flow
from heavylift.client.drivers.asynchronous import AsyncDriver
from heavylift.client.drivers.blocking import BlockingDriver
from heavylift.client.errors import HeavyliftError
from heavylift.client.models import Identified, Page
from heavylift.client.options import RequestOptions
from heavylift.client.paging import Cursor
from heavylift.client.requests import arguments
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


def described(flow: Callable[..., Any], shape: Callable[[Any], Any]) -> inspect.Signature:
    """The flow's signature, with what its result becomes instead of a generator: for help() and editors."""
    signature = inspect.signature(flow)
    return signature.replace(return_annotation=shape(get_args(signature.return_annotation)[2]))


def _item_of(page: Any) -> Any:
    """What a page is a page of."""
    return page.__pydantic_generic_metadata__["args"][0]


class Bound(Protocol[P, T_co]):
    """A method of a client: with its arguments, or with one request object that has them by name."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T_co: ...
    @overload
    def __call__(self, request: Mapping[str, Any], options: RequestOptions | None = None, /) -> T_co: ...


class Function(Generic[P, T]):
    """A flow as a function of a client. Known errors come back as `Err`, all else is raised."""

    def __init__(self, flow: Callable[P, Flow[T]]) -> None:
        functools.update_wrapper(self, flow)
        self.flow = flow

    def _begun(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Flow[T]:
        """The flow with its arguments. Raises SDKValidationError for a request object that does not fit."""
        args, kwargs = arguments(self.flow, args, kwargs)
        return cast("Callable[..., Flow[T]]", self.flow)(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        return described(self.flow, lambda result: Ok[result] | Err)  # type: ignore[valid-type]

    @overload
    def __call__(self, client: OnBlocking, /, *args: P.args, **kwargs: P.kwargs) -> Result[T]: ...
    @overload
    def __call__(self, client: OnAsync, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[Result[T]]: ...
    @overload
    def __call__(
        self, client: OnBlocking, request: Mapping[str, Any], options: RequestOptions | None = None, /
    ) -> Result[T]: ...
    @overload
    def __call__(
        self, client: OnAsync, request: Mapping[str, Any], options: RequestOptions | None = None, /
    ) -> Awaitable[Result[T]]: ...
    def __call__(
        self, client: OnBlocking | OnAsync, /, *args: Any, **kwargs: Any
    ) -> Result[T] | Awaitable[Result[T]]:
        """Run it on this client."""
        if isinstance(client, OnAsync):
            return self.on_loop(client.driver, *args, **kwargs)
        try:
            return Ok(client.driver.run(self._begun(args, kwargs)))
        except (HeavyliftError, OSError) as error:
            return Err(error)

    async def on_loop(self, driver: AsyncDriver, *args: Any, **kwargs: Any) -> Result[T]:
        """Run it on an asynchronous driver."""
        try:
            return Ok(await driver.run(self._begun(args, kwargs)))
        except (HeavyliftError, OSError) as error:
            return Err(error)


class Bindable(Generic[P, T]):
    """A Function that becomes a method. `returns` makes the type of its result out of the flow's."""

    def __init__(self, function: Function[P, T]) -> None:
        self.__doc__ = function.__doc__
        self.function = function

    @staticmethod
    def returns(result: Any) -> Any:
        """The flow's result, as it is."""
        return result

    @property
    def __signature__(self) -> inspect.Signature:
        return described(self.function.flow, self.returns)

    def as_method(self, bound: Callable[..., Any]) -> Any:
        """The function with the name, the page and the signature of this method."""
        method: Any = functools.update_wrapper(bound, self.function)
        method.__wrapped__ = self  # whose signature tells the result, not the generator
        return method


class Method(Bindable[P, T]):
    """A Function as a method of a blocking resource."""

    def __get__(self, resource: OnBlocking, owner: type) -> Bound[P, T]:
        """Bound to its client."""

        def bound(*args: Any, **kwargs: Any) -> T:
            return self.function(resource, *args, **kwargs).unwrap()

        return cast("Bound[P, T]", self.as_method(bound))


class AsyncMethod(Bindable[P, T]):
    """A Function as a method of an asynchronous resource."""

    def __get__(self, resource: OnAsync, owner: type) -> Bound[P, Coroutine[Any, Any, T]]:
        """Bound to its client."""

        async def bound(*args: Any, **kwargs: Any) -> T:
            return (await self.function(resource, *args, **kwargs)).unwrap()

        return cast("Bound[P, Coroutine[Any, Any, T]]", self.as_method(bound))


class Fetch(Protocol[T_co]):
    """Fetches the page after this id and of this size; the first one for what the caller said."""

    def __call__(self, **where: Any) -> T_co:
        """The page."""
        ...


class Pager(Generic[Item]):
    """The items of a list, page after page as they are needed. Iterating again asks again."""

    def __init__(self, fetch: Fetch[Page[Item]], limit: int | None = None) -> None:
        self._fetch = fetch
        self._limit = limit

    def __iter__(self) -> Iterator[Item]:
        for page in self.pages():
            yield from page.data

    def pages(self) -> Iterator[Page[Item]]:
        """The pages themselves."""
        cursor = Cursor[Item](self._limit)
        while cursor.after is not None:
            page = self._fetch(**cursor.asking())
            if cursor.takes(page):
                yield cursor.shown(page)


class AsyncPager(Generic[Item]):
    """The items of a list, page after page as they are needed. Iterating again asks again."""

    def __init__(self, fetch: Fetch[Awaitable[Page[Item]]], limit: int | None = None) -> None:
        self._fetch = fetch
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[Item]:
        async for page in self.pages():
            for item in page.data:
                yield item

    async def pages(self) -> AsyncIterator[Page[Item]]:
        """The pages themselves."""
        cursor = Cursor[Item](self._limit)
        while cursor.after is not None:
            page = await self._fetch(**cursor.asking())
            if cursor.takes(page):
                yield cursor.shown(page)


class Listing(Bindable[P, Page[Item]], Generic[P, Item]):
    """A Function of pages as a method of a blocking resource."""

    @staticmethod
    def returns(result: Any) -> Any:
        """All items instead of one page."""
        return Pager[_item_of(result)]  # type: ignore[misc]

    def __get__(self, resource: OnBlocking, owner: type) -> Bound[P, Pager[Item]]:
        """Bound to its client."""
        # The cursor joins the caller's keywords, which no type can say.
        fetch = cast("Callable[..., Page[Item]]", Method(self.function).__get__(resource, owner))

        def bound(*args: Any, **kwargs: Any) -> Pager[Item]:
            args, said = arguments(self.function.flow, args, kwargs)
            return Pager(lambda **where: fetch(*args, **{**said, **where}), said.get("limit"))

        return cast("Bound[P, Pager[Item]]", self.as_method(bound))


class AsyncListing(Bindable[P, Page[Item]], Generic[P, Item]):
    """A Function of pages as a method of an asynchronous resource."""

    @staticmethod
    def returns(result: Any) -> Any:
        """All items instead of one page."""
        return AsyncPager[_item_of(result)]  # type: ignore[misc]

    def __get__(self, resource: OnAsync, owner: type) -> Bound[P, AsyncPager[Item]]:
        """Bound to its client."""
        # The cursor joins the caller's keywords, which no type can say.
        fetch = cast(
            "Callable[..., Awaitable[Page[Item]]]", AsyncMethod(self.function).__get__(resource, owner)
        )

        def bound(*args: Any, **kwargs: Any) -> AsyncPager[Item]:
            args, said = arguments(self.function.flow, args, kwargs)
            return AsyncPager(lambda **where: fetch(*args, **{**said, **where}), said.get("limit"))

        return cast("Bound[P, AsyncPager[Item]]", self.as_method(bound))
