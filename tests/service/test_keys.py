"""Projects and keys: made, found by their secret, masked, revoked."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heavylift.domain.errors import InvalidKey, InvalidRequest
from heavylift.service.keys import CACHE_ENTRIES, CACHE_SECONDS, FirstKey, Keys, digest_of, masked
from heavylift.service.ports import StorageDown
from tests.service.world import World


def never(secret: str) -> str:
    raise AssertionError("the operator has that key already")


async def first(world: World) -> str:
    """The first key of a first start."""
    secret = (await world.keys.bootstrap(keep=str)).secret
    assert secret is not None
    return secret


async def test_the_first_start_makes_a_project_and_a_key_and_the_next_makes_none(world: World) -> None:
    secret = await first(world)
    assert (await world.keys.owner(secret)).name == "default"
    assert (await world.keys.bootstrap(keep=never)) == FirstKey()
    assert len(await world.keys.list()) == 1
    assert [project.name for project in await world.keys.projects()] == ["default"]


async def test_a_given_first_key_is_taken_every_time_and_shown_never(world: World) -> None:
    for _ in range(2):
        assert await world.keys.bootstrap("chosen-by-the-operator", keep=never) == FirstKey()
    assert (await world.keys.owner("chosen-by-the-operator")).name == "default"
    [key] = await world.keys.list()
    assert key.hint == "ator"


async def test_a_given_key_beside_a_made_one_opens_the_same_project(world: World) -> None:
    secret = await first(world)
    await world.keys.bootstrap("chosen-by-the-operator", keep=never)
    assert await world.keys.owner(secret) == await world.keys.owner("chosen-by-the-operator")


async def test_a_key_that_can_be_guessed_is_refused(world: World) -> None:
    with pytest.raises(InvalidRequest, match="at least 16 characters"):
        await world.keys.bootstrap("short", keep=never)
    assert await world.keys.list() == []


async def test_a_revoked_first_key_stays_revoked(world: World) -> None:
    await world.keys.bootstrap("chosen-by-the-operator", keep=never)
    [key] = await world.keys.list()
    await world.keys.revoke(key.id)
    await world.keys.bootstrap("chosen-by-the-operator", keep=never)
    with pytest.raises(InvalidKey):
        await world.keys.owner("chosen-by-the-operator")


async def test_secrets_have_256_bits_and_only_their_digest_is_stored(world: World) -> None:
    await world.keys.bootstrap(keep=str)
    key, secret = await world.keys.create(project="default", name="second")
    other = (await world.keys.create(project="default", name="second"))[1]
    assert secret != other
    assert secret.startswith("hl-")
    assert len(secret) == 3 + 43
    assert secret.endswith(key.hint)
    assert digest_of(secret) == hashlib.sha256(secret.encode()).hexdigest()
    assert all(secret not in repr(one) for one in await world.keys.list())


async def test_keys_open_their_own_project_only(world: World) -> None:
    await world.keys.bootstrap(keep=str)
    project = await world.keys.add_project("second")
    _, secret = await world.keys.create(project="second", name="k")
    assert await world.keys.owner(secret) == project
    assert [key.project for key in await world.keys.list("second")] == [project.id]
    assert len(await world.keys.list()) == 2
    _, by_id = await world.keys.create(project=project.id, name="k")
    assert await world.keys.owner(by_id) == project


@pytest.mark.parametrize("name", ["", "  ", "\n"])
async def test_a_project_needs_a_name(world: World, name: str) -> None:
    with pytest.raises(InvalidRequest, match="needs a name"):
        await world.keys.add_project(name)


async def test_a_projects_name_is_its_own(world: World) -> None:
    made = await world.keys.add_project("one")
    with pytest.raises(InvalidRequest, match="'one' already"):
        await world.keys.add_project("one")
    assert await world.keys.add_project("one", exist_ok=True) == made


async def test_a_key_for_a_project_that_is_not_there_is_refused_with_the_way_to_make_one(
    world: World,
) -> None:
    with pytest.raises(InvalidRequest, match="heavylift projects create"):
        await world.keys.create(project="none", name="k")
    with pytest.raises(InvalidRequest):
        await world.keys.list("none")


@pytest.mark.parametrize("secret", ["", "x", "hl-" + "A" * 43, "\udcff" * 20, "日本語" * 10])
async def test_an_unknown_secret_is_refused_and_shown_masked(world: World, secret: str) -> None:
    with pytest.raises(InvalidKey) as refused:
        await world.keys.owner(secret)
    assert refused.value.code == "invalid_api_key"
    assert not secret or secret not in refused.value.message


async def test_a_revoked_key_is_refused_at_once_where_it_is_not_remembered(world: World) -> None:
    await world.keys.bootstrap(keep=str)
    key, secret = await world.keys.create(project="default", name="k")
    await world.keys.revoke(key.id)
    with pytest.raises(InvalidKey):
        await world.keys.owner(secret)
    with pytest.raises(InvalidRequest, match=key.id):
        await world.keys.revoke(key.id)
    with pytest.raises(InvalidRequest):
        await world.keys.revoke("key_none")


async def test_a_remembered_key_is_refused_after_a_few_seconds_everywhere(world: World) -> None:
    await world.keys.bootstrap(keep=str)
    key, secret = await world.keys.create(project="default", name="k")
    await world.keys.owner(secret)
    await Keys(world.catalog, clock=world.clock).revoke(key.id)  # by another process
    world.clock.advance(CACHE_SECONDS - 0.1)
    await world.keys.owner(secret)
    world.clock.advance(0.2)
    with pytest.raises(InvalidKey):
        await world.keys.owner(secret)


async def test_a_clock_that_is_set_back_does_not_keep_a_revoked_key_alive(world: World) -> None:
    ticks = world.clock.__class__(world.clock())
    keys = Keys(world.catalog, clock=world.clock, ticks=ticks)
    await keys.bootstrap(keep=str)
    key, secret = await keys.create(project="default", name="k")
    await keys.owner(secret)
    await Keys(world.catalog, clock=world.clock).revoke(key.id)  # by another process
    world.clock.advance(-86_400)
    ticks.advance(CACHE_SECONDS + 0.1)
    with pytest.raises(InvalidKey):
        await keys.owner(secret)


async def test_a_remembered_key_costs_no_question_and_an_unknown_one_is_not_remembered(
    world: World,
) -> None:
    secret = await first(world)
    world.catalog.calls.clear()
    for _ in range(3):
        await world.keys.owner(secret)
    assert world.catalog.calls == ["key_owner"]
    for _ in range(2):
        with pytest.raises(InvalidKey):
            await world.keys.owner("hl-unknown-unknown")
    assert world.catalog.calls == ["key_owner"] * 3


async def test_a_catalog_that_is_down_is_not_a_wrong_key(world: World) -> None:
    secret = await first(world)
    world.catalog.fail("key_owner", StorageDown("down"))
    with pytest.raises(StorageDown):
        await world.keys.owner(secret)
    assert (await world.keys.owner(secret)).name == "default"


async def test_what_is_remembered_is_bounded(world: World) -> None:
    await world.keys.bootstrap(keep=str)
    secrets = [f"operator-chosen-{number:04}" for number in range(3)]
    for secret in secrets:
        await world.keys.bootstrap(secret, keep=never)
        await world.keys.owner(secret)
    project = (await world.keys.projects())[0]
    world.keys._verified.update({str(n): (project, 0.0) for n in range(CACHE_ENTRIES)})
    await world.keys.bootstrap("operator-chosen-last", keep=never)
    await world.keys.owner("operator-chosen-last")
    assert len(world.keys._verified) == 1


@given(st.text(max_size=80))
def test_a_masked_secret_keeps_its_middle_to_itself(secret: str) -> None:
    shown = masked(secret)
    if len(secret) < 16:
        assert set(shown) <= {"*"}
    else:
        assert shown.startswith(secret[:3])
        assert shown.endswith(secret[-4:])
        assert set(shown[3:-4]) == {"*"}
        assert len(shown) <= 39


@pytest.mark.parametrize("nothing", ["", " "])
async def test_an_empty_name_names_no_key(world: World, nothing: str) -> None:
    await first(world)
    with pytest.raises(InvalidRequest, match="needs a name"):
        await world.keys.create(project="default", name=nothing)
    await world.keys._store("one-of-an-older-version", project="default", name=nothing)
    with pytest.raises(InvalidRequest, match="could be revoked"):
        await world.keys.revoke(nothing)
