"""Shares of places: who gets one, who gives one up, and for whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heavylift.api.shares import Place, Room
from heavylift.domain.errors import Overloaded


def filled(room: Room, project: str, count: int) -> list[Place]:
    """So many places of that project, taken while there is room for them."""
    places = [Place(project) for _ in range(count)]
    assert [room.take(place) for place in places] == [None] * count
    return places


def test_one_project_may_have_every_place_while_nobody_else_comes() -> None:
    room = Room(4)
    filled(room, "a", 4)
    with pytest.raises(Overloaded, match="4 bodies") as refused:
        room.take(Place("a"))
    assert refused.value.retry_after >= 1


def test_whoever_has_more_than_a_share_gives_way_until_shares_are_even() -> None:
    room = Room(4)
    held = filled(room, "a", 4)
    losers = [room.take(Place("b")) for _ in range(2)]
    assert set(losers) <= set(held)
    assert len(set(losers)) == 2
    for project in ("a", "b"):
        with pytest.raises(Overloaded):
            room.take(Place(project))


def test_the_body_that_loses_least_gives_way_and_a_whole_one_never_does() -> None:
    room = Room(3)
    least, more, whole = filled(room, "a", 3)
    least.received, more.received, whole.whole = 5, 6, True
    assert room.take(Place("b")) is least
    assert room.take(Place("c")) is more


def test_a_project_whose_bodies_are_all_whole_is_passed_over() -> None:
    room = Room(4)
    for place in filled(room, "a", 2) + filled(room, "b", 2):
        place.whole = True
    with pytest.raises(Overloaded):
        room.take(Place("c"))


def test_of_several_the_one_with_most_gives_way() -> None:
    room = Room(6)
    rich = filled(room, "a", 4)
    filled(room, "b", 2)
    assert room.take(Place("c")) in rich


def test_with_more_projects_than_places_nobody_is_put_out_for_another() -> None:
    room = Room(2)
    filled(room, "a", 1)
    filled(room, "b", 1)
    with pytest.raises(Overloaded):
        room.take(Place("c"))


def test_what_is_given_back_twice_counts_once() -> None:
    room = Room(1)
    [place] = filled(room, "a", 1)
    room.give_back(place)
    room.give_back(place)
    filled(room, "b", 1)
    with pytest.raises(Overloaded):
        room.take(Place("a"))


def test_a_room_has_places_of_its_own_however_many_are_taken_elsewhere() -> None:
    room = Room(16, own=2)
    for _ in range(2):
        assert room.take(Place("a"), elsewhere=16) is None
    assert room.take(Place("b"), elsewhere=16) is not None  # of whoever has more than a share of those two
    for project in ("a", "b", "c"):
        with pytest.raises(Overloaded):
            room.take(Place(project), elsewhere=16)


def test_a_room_that_has_filled_those_elsewhere_gives_its_places_to_newcomers() -> None:
    room = Room(16, own=2)
    filled(room, "a", 16)
    assert all(room.take(Place("b"), elsewhere=2) for _ in range(7))
    with pytest.raises(Overloaded):
        room.take(Place("b"), elsewhere=2)


@given(st.lists(st.sampled_from("abc")), st.integers(1, 7))
def test_whoever_comes_a_project_below_its_share_is_never_refused(arrivals: list[str], most: int) -> None:
    room, held = Room(most), dict.fromkeys("abc", 0)
    for project in arrivals:
        inside = {name for name in "abc" if held[name]} | {project}
        below = held[project] < most // len(inside)
        try:
            loser = room.take(Place(project))
        except Overloaded:
            assert not below
            assert sum(held.values()) == most
            continue
        held[project] += 1
        if loser is not None:
            held[loser.project] -= 1
            assert below or most < len(inside)
            assert held[loser.project] >= held[project]
        assert sum(held.values()) <= most
