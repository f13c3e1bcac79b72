"""From page to page of a list, also of a server that repeats itself."""

from typing import Generic, TypeVar

from heavylift.client.models import Identified, Page

Item = TypeVar("Item", bound=Identified)


class Cursor(Generic[Item]):
    """Where the next page begins. A page that ends where one has ended before brings nothing new: no server
    keeps a list going forever by repeating itself."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self.after: dict[str, str] | None = {}

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
