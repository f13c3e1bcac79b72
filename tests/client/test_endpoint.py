"""Which server and which key: the order of the places that name them, and which key goes to whom."""

import itertools
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from heavylift.client.address import Address, this_network
from heavylift.client.endpoint import DEFAULT, Endpoint, Kind, Source, decide
from heavylift.client.errors import InvalidRequestError
from heavylift.client.local import LOCAL_SERVER

HERE = "http://127.0.0.1:8500/v1"

NAMED: Mapping[Kind, str] = {
    Kind.ARGUMENT: "http://argument.test/v1",
    Kind.VARIABLE: "http://variable.test/v1",
    Kind.PROFILE: "http://profile.test/v1",
    Kind.OPENAI: "http://openai.test/v1",
    Kind.INSTALLATION: HERE,
}
"""Each place with a server of its own, in the order in which they count."""


def place(kind: Kind, *, url: str | None = None, key: str | None = None) -> Source:
    return Source(kind=kind, url=url, url_name=f"url of {kind}", key=key, key_name=f"key of {kind}")


def whole(kind: Kind) -> Source:
    return place(kind, url=NAMED[kind], key=f"key of {kind}")


@pytest.mark.parametrize("count", range(1, 6))
def test_the_first_that_names_a_server_and_a_key_wins(count: int) -> None:
    for kinds in itertools.combinations(NAMED, count):
        found = decide(map(whole, kinds))
        assert (found.url, found.key) == (NAMED[kinds[0]], f"key of {kinds[0]}"), kinds


def test_nobody_who_says_anything_is_the_local_server_without_a_key() -> None:
    found = decide([])
    assert (found.url, found.url_name, found.key) == (LOCAL_SERVER, DEFAULT, None)


def everything_that_can_be_said() -> list[tuple[Source, ...]]:
    """Each place says nothing, a server, a key, or both; and every server may be the installation's."""
    each = [
        [
            place(kind, url=url, key=key)
            for url in (None, NAMED[kind], HERE)
            for key in (None, "", f"key of {kind}")
        ]
        for kind in NAMED
    ]
    return list(itertools.product(*each))


def owner(found: Endpoint, said: tuple[Source, ...]) -> Source | None:
    return next((one for one in said if one.key == found.key and one.key_name == found.key_name), None)


def test_no_key_goes_to_a_server_that_it_is_not_for() -> None:
    """Over all 59,049 ways of saying things: what must never be, whatever the order."""
    seen = set()
    for said in everything_that_can_be_said():
        found = decide(said)
        by = {one.kind: one for one in said}
        holder = owner(found, said)
        if found.key_name == f"key of {Kind.OPENAI}":
            assert found.url_name == f"url of {Kind.OPENAI}", said
        if found.url_name == f"url of {Kind.OPENAI}":
            assert found.key_name in {f"key of {Kind.OPENAI}", f"key of {Kind.ARGUMENT}"}, said
        if holder is not None and holder.kind in {Kind.PROFILE, Kind.OPENAI, Kind.INSTALLATION}:
            assert found.url == by[holder.kind].url == found.only_to, said
        elif holder is not None:
            assert found.only_to is None
        if found.key is None:
            assert by[Kind.ARGUMENT].key is by[Kind.VARIABLE].key is None
        seen.add(found.key_name)
    assert len(seen) == 6  # each place's key is taken now and then, and sometimes none is


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_the_names_of_loopback_are_one_for_the_installation_and_lead_to_its_own_address(host: str) -> None:
    said = [place(Kind.VARIABLE, url=f"http://{host}:8500/openai/v1"), whole(Kind.INSTALLATION)]
    found = decide(said)
    assert found.key == f"key of {Kind.INSTALLATION}"
    assert found.url == found.only_to == "http://127.0.0.1:8500/openai/v1"


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8501/v1", "https://localhost:8500/v1", "http://localhost.evil.test:8500/v1",
     "http://127.0.0.2:8500/v1", "http://localhost/v1"],
)  # fmt: skip
def test_its_key_goes_nowhere_else(url: str) -> None:
    found = decide([place(Kind.ARGUMENT, url=url), whole(Kind.INSTALLATION)])
    assert (found.url, found.key) == (url, None)
    assert HERE in found.lacking_key()


def test_the_names_of_loopback_are_not_one_for_a_profile() -> None:
    profile = place(Kind.PROFILE, url="http://localhost:8500/v1", key="k")
    assert decide([place(Kind.ARGUMENT, url=HERE), profile]).key is None


def test_a_key_of_openai_that_is_not_sent_is_explained() -> None:
    found = decide([place(Kind.ARGUMENT, url=HERE), place(Kind.OPENAI, key="sk-real")])
    assert "goes to no server but that of OPENAI_BASE_URL" in found.lacking_key()
    assert "HEAVYLIFT_API_KEY" in found.lacking_key()
    assert "sk-real" not in found.lacking_key() + repr(found)


def test_a_key_that_is_given_goes_to_openais_server_and_a_variable_does_not() -> None:
    openai = place(Kind.OPENAI, url=NAMED[Kind.OPENAI], key="sk-real")
    assert decide([place(Kind.ARGUMENT, key="k"), openai]).url == NAMED[Kind.OPENAI]
    assert decide([place(Kind.VARIABLE, key="k"), openai]).url == LOCAL_SERVER


def test_what_is_no_url_is_told_with_its_name() -> None:
    with pytest.raises(InvalidRequestError, match=r"named by url of Kind\.VARIABLE"):
        decide([place(Kind.VARIABLE, url="example.org", key="k")])


def test_places_are_asked_no_longer_than_necessary() -> None:
    asked = iter([whole(Kind.VARIABLE), whole(Kind.PROFILE)])
    decide(asked)
    assert next(asked).kind is Kind.PROFILE


def test_on_a_system_without_such_locks_nothing_is_found_beside_us(tmp_path: Path) -> None:
    code = (
        "import os, sys; sys.modules['fcntl'] = None; del os.geteuid, os.O_NOFOLLOW, os.O_NONBLOCK\n"
        "from heavylift.client.locating import Given, locate\n"
        "print(locate(Given(), os.environ).key, locate(Given(key='k'), os.environ).key)"
    )
    folder = tmp_path / "heavylift-data"
    folder.mkdir()
    address = Address(url=HERE, asks_key=False, certificate=None, network=this_network())
    (folder / "server").write_text(address.written())
    told = subprocess.check_output(
        [sys.executable, "-c", code], cwd=tmp_path, text=True,
        env={"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(tmp_path)},
    )  # fmt: skip
    assert told.split() == ["None", "k"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "5", '"x"', "null", "[" * 100_000, '{"heavylift_server": 2}', '{"heavylift_server": 1}',
     '{"heavylift_server": 1, "url": 5, "asks_key": true, "certificate": null, "network": ""}',
     '{"heavylift_server": 1, "url": "http://a", "asks_key": "no", "certificate": null, "network": ""}'],
)  # fmt: skip
def test_what_is_no_address_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Address.read(text)


def test_an_address_is_read_as_it_was_written() -> None:
    address = Address(url=HERE, asks_key=True, certificate="/a b/c\u00e9.pem", network=this_network())
    assert Address.read(address.written()) == address
