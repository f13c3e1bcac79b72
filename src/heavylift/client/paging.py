"""From page to page of a list, also of a server that repeats itself."""

from typing import Any, Final, Generic, TypeVar

from heavylift.client.models import Identified, Page

Item = TypeVar("Item", bound=Identified)


MOST_IN_A_PAGE: Final = 10_000
"""More than that servers refuse to put into one page."""


class Cursor(Generic[Item]):
    """Where the next page begins. A page that ends where one has ended before brings nothing new: no server
    keeps a list going forever by repeating itself. `limit`: so many elements in all pages together."""

    def __init__(self, limit: int | None = None) -> None:
        self._seen: set[str] = set()
        self._left = limit
        self.after: dict[str, str] | None = {}

    def asking(self) -> dict[str, Any]:
        """What the next page is asked for with."""
        size = {} if self._left is None else {"limit": min(self._left, MOST_IN_A_PAGE)}
        return {**(self.after or {}), **size}

    def shown(self, page: Page[Item]) -> Page[Item]:
        """The page, or as much of it as is still wanted: then it is the last one."""
        if self._left is None:
            return page
        if len(page) >= self._left:
            self.after = None
            page = page.model_copy(update={"data": page.data[: self._left]})
        self._left -= len(page)
        return page

    def takes(self, page: Page[Item]) -> bool:
        """Whether the page is one to show. Moves on to the next one, if there is any."""
        last = page.data[-1].id if page.data else None
        if last in self._seen:
            self.after = None
            return False
        if last is not None:
            self._seen.add(last)
        self.after = {"after": last} if page.has_more and last is not None else None
        return True
