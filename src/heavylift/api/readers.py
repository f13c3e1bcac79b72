"""How many downloads one process sends at once, and how many of them one project's clients may hold."""

from collections import Counter
from collections.abc import Callable

from heavylift.api.shares import RETRY_AFTER
from heavylift.domain.errors import Overloaded


class Readers:
    """Counts downloads: at most `most`, and `of_project` of each project, for a client that reads nothing
    holds its own as long as patience lasts."""

    def __init__(self, most: int, *, of_project: int) -> None:
        self._most = most
        self._of_project = of_project
        self._inside: Counter[str] = Counter()

    def enter(self, project: str) -> Callable[[], None]:
        """Be counted, until what this returns is called; more than once is fine. Raises Overloaded."""
        if self._inside.total() >= self._most:
            raise Overloaded(
                f"{self._most} downloads are under way already. Ask again in a moment.",
                retry_after=RETRY_AFTER,
            )
        if self._inside[project] >= self._of_project:
            raise Overloaded(
                f"{self._of_project} downloads of your project are under way already. Ask again when some of"
                " them have ended.",
                retry_after=RETRY_AFTER,
            )
        self._inside[project] += 1
        inside = True

        def leave() -> None:
            nonlocal inside
            if inside:
                inside = False
                self._inside[project] -= 1
                if not self._inside[project]:
                    del self._inside[project]

        return leave
