"""Places that projects share: whoever comes while there is room gets one; fair shares when it is crowded."""

from collections.abc import Iterable

from heavylift.domain.errors import Overloaded

RETRY_AFTER = 2
"""Seconds. Long enough for a Part or two to finish, or for a successor to listen."""


class Place:
    """What one body of a project holds.

    `received` counts its bytes so far. What has come `whole` gives way to nobody.
    """

    __slots__ = ("project", "received", "whole")

    def __init__(self, project: str) -> None:
        self.project = project
        self.received = 0
        self.whole = False


class Room:
    """At most `most` places at once.

    Nobody is refused while one is free. When none is, a project that holds more than its share,
    which is all of them by the number of projects inside, gives one up to a project that holds less.

    Of several rooms that count together each has a few, its `own`, which those elsewhere cannot take: there
    a newcomer finds its share even if all others sit in another room. So all have so many more at the most.
    """

    def __init__(self, most: int, *, own: int = 0) -> None:
        self.most = most
        self.own = own
        self.count = 0
        self._held: dict[str, set[Place]] = {}

    def take(self, place: Place, *, elsewhere: int = 0) -> Place | None:
        """Count it in, with so many `elsewhere`. The place that has to make way for it, if one has.

        Raises Overloaded.
        """
        places = max(self.own, self.most - elsewhere)
        loser = self._loser(place.project, places) if self.count >= places else None
        if loser is not None:
            self.give_back(loser)
        self._held.setdefault(place.project, set()).add(place)
        self.count += 1
        return loser

    def give_back(self, place: Place) -> None:
        """Count it out. Repeatable."""
        held = self._held.get(place.project, set())
        if place not in held:
            return
        held.remove(place)
        self.count -= 1
        if not held:
            del self._held[place.project]

    def _loser(self, project: str, places: int) -> Place:
        """The one of so many `places` that `project` gets: of those who have most, one for which the least
        has come so far."""
        share = max(1, places // len(self._held.keys() | {project}))
        if len(self._held.get(project, ())) < share:
            for held in sorted(self._held.values(), key=len, reverse=True):
                if len(held) <= share:
                    break
                if (loser := _least(held)) is not None:
                    return loser
        raise Overloaded(
            f"{self.most} bodies are being received already. Send it again in a moment.",
            retry_after=RETRY_AFTER,
        )


def _least(places: Iterable[Place]) -> Place | None:
    """The one that loses least by being cut off."""
    return min((one for one in places if not one.whole), key=lambda one: one.received, default=None)
