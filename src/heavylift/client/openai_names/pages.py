"""A page of a list that goes on with the next ones when it is iterated over, as openai-python's do."""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any, Generic, TypeVar, cast

from heavylift.client.methods import (
    AsyncMethod,
    AsyncPager,
    Bindable,
    Bound,
    Fetch,
    Method,
    OnAsync,
    OnBlocking,
    P,
    Pager,
)
from heavylift.client.models import Identified, Page

Item = TypeVar("Item", bound=Identified)


class _Held(Generic[Item]):
    """What a page holds. `len()` and `[]` are of that; to iterate goes on through the pages behind it."""

    def __init__(self, page: Page[Item]) -> None:
        self.page = page
        self.data = page.data
        self.object = page.object
        self.first_id = page.first_id
        self.last_id = page.last_id
        self.has_more = page.has_more

    def __len__(self) -> int:
        return len(self.data)

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, index: int) -> Item:
        return self.data[index]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.page!r})"

    def has_next_page(self) -> bool:
        """Whether there is more behind it."""
        return self.has_more and bool(self.data)

    def _after(self) -> dict[str, str]:
        """Where the next page begins. Raises RuntimeError behind the last one."""
        if not self.has_next_page():
            raise RuntimeError("There is no page behind this one: ask has_next_page() first")
        return {"after": self.data[-1].id}


class CursorPage(_Held[Item]):
    """A page, and by iterating all behind it."""

    def __init__(self, page: Page[Item], fetch: Fetch[Page[Item]]) -> None:
        super().__init__(page)
        self._fetch = fetch

    def __iter__(self) -> Iterator[Item]:
        return (item for page in self.iter_pages() for item in page.data)

    def iter_pages(self) -> Iterator["CursorPage[Item]"]:
        """This page and those behind it."""
        for page in Pager(lambda **after: self._fetch(**after) if after else self.page).pages():
            yield CursorPage(page, self._fetch)

    def get_next_page(self) -> "CursorPage[Item]":
        """The page behind it. Raises RuntimeError if there is none."""
        return CursorPage(self._fetch(**self._after()), self._fetch)


class AsyncCursorPage(_Held[Item]):
    """A page, and by iterating all behind it, to be awaited."""

    def __init__(self, page: Page[Item], fetch: Fetch[Awaitable[Page[Item]]]) -> None:
        super().__init__(page)
        self._fetch = fetch

    async def __aiter__(self) -> AsyncIterator[Item]:
        async for page in self.iter_pages():
            for item in page.data:
                yield item

    async def iter_pages(self) -> AsyncIterator["AsyncCursorPage[Item]"]:
        """This page and those behind it."""
        async for page in AsyncPager(self._from_here).pages():
            yield AsyncCursorPage(page, self._fetch)

    async def _from_here(self, **after: str) -> Page[Item]:
        return await self._fetch(**after) if after else self.page

    async def get_next_page(self) -> "AsyncCursorPage[Item]":
        """The page behind it. Raises RuntimeError if there is none."""
        return AsyncCursorPage(await self._fetch(**self._after()), self._fetch)


class AsyncPaginator(Generic[Item]):
    """A list that is yet to be asked for: `await` gives its first page, `async for` every item."""

    def __init__(self, fetch: Fetch[Awaitable[Page[Item]]]) -> None:
        self._fetch = fetch

    def __await__(self) -> Generator[Any, None, AsyncCursorPage[Item]]:
        return self._first().__await__()

    async def _first(self) -> AsyncCursorPage[Item]:
        return AsyncCursorPage(await self._fetch(), self._fetch)

    async def __aiter__(self) -> AsyncIterator[Item]:
        async for item in await self._first():
            yield item


class PageMethod(Bindable[P, Page[Item]], Generic[P, Item]):
    """A Function of pages as a method of a blocking resource."""

    @staticmethod
    def returns(result: Any) -> Any:
        """The page that goes on."""
        return CursorPage

    def __get__(self, resource: OnBlocking, owner: type) -> Bound[P, CursorPage[Item]]:
        """Bound to its client."""
        ask = cast("Callable[..., Page[Item]]", Method(self.function).__get__(resource, owner))

        def bound(*args: Any, **kwargs: Any) -> CursorPage[Item]:
            def fetch(**after: str) -> Page[Item]:
                return ask(*args, **{**kwargs, **after})

            return CursorPage(fetch(), fetch)

        return cast("Bound[P, CursorPage[Item]]", self.as_method(bound))


class AsyncPageMethod(Bindable[P, Page[Item]], Generic[P, Item]):
    """A Function of pages as a method of an asynchronous resource."""

    @staticmethod
    def returns(result: Any) -> Any:
        """What is awaited or iterated over."""
        return AsyncPaginator

    def __get__(self, resource: OnAsync, owner: type) -> Bound[P, AsyncPaginator[Item]]:
        """Bound to its client."""
        ask = cast(
            "Callable[..., Awaitable[Page[Item]]]", AsyncMethod(self.function).__get__(resource, owner)
        )

        def bound(*args: Any, **kwargs: Any) -> AsyncPaginator[Item]:
            return AsyncPaginator(lambda **after: ask(*args, **{**kwargs, **after}))

        return cast("Bound[P, AsyncPaginator[Item]]", self.as_method(bound))
