"""Objects that their store does not let us delete: they wait, are named, and keep no others from going."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from heavylift.blobs.deleting import IN_A_ROW, TOGETHER, outcomes
from heavylift.service.ports import NotDeleted, StorageDown
from heavylift.service.sweeper import POSTPONED, STEP
from tests.objects import engines
from tests.objects.engines import BUCKET, TENANT, ObjectStore
from tests.objects.policies import denied
from tests.service.world import LIMITS, OURS, SCHEDULE, World, world_at

MANY = 12

FURTHER = 60
"""Beyond those of the first step."""


@pytest.fixture
def tenant(seaweed: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """A store of which we are no administrator."""
    for name, value in {**seaweed.environment(), **TENANT}.items():
        monkeypatch.setenv(name, value)
    return seaweed


@pytest.fixture
def fleeting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A store of the test's own, which it may stop."""
    with engines.seaweed(tmp_path) as store:
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        yield store


async def cancelled(world: World, count: int) -> set[str]:
    """So many blobs that were Parts, all of them due at the same time."""
    uploads = [await world.open(LIMITS.parts) for _ in range(0, count, LIMITS.parts)]
    parts = [
        part for begin in range(0, count, LIMITS.parts)
        for part in await asyncio.gather(
            *(world.part(uploads[begin // LIMITS.parts], b"x") for _ in range(LIMITS.parts))
        )
    ]  # fmt: skip
    for upload_id in uploads:
        await world.uploads.cancel(OURS, upload_id)
    return {part.extent.blob for part in parts}


async def test_one_of_many_objects_that_may_not_be_deleted_keeps_no_other(tenant: ObjectStore) -> None:
    seaweed = tenant
    prefix = uuid4().hex
    async with world_at(f"s3://{BUCKET}/{prefix}") as world:
        upload_id = await world.open(MANY)
        keys = [(await world.part(upload_id, b"x")).extent.blob for _ in range(MANY)]
        stuck = sorted(keys)[MANY // 2]
        await world.uploads.cancel(OURS, upload_id)
        with denied(seaweed, "s3:DeleteObject", [f"{prefix}/{stuck}"]):
            assert (await world.sweep_due()).deleted_blobs == MANY - 1
            assert seaweed.objects(prefix) == [f"{prefix}/{stuck}"]
            assert await world.condemned() == {stuck}
            [complaint] = world.complaints
            assert isinstance(complaint, NotDeleted)
            assert "Access Denied" in complaint.reasons[stuck]
            assert stuck in str(complaint)
            assert (await world.sweep()).deleted_blobs == 0
            assert len(world.complaints) == 1, "it waits"
        world.clock.advance(POSTPONED + SCHEDULE.delete_grace)
        assert (await world.sweep()).deleted_blobs == 1
        await world.check_empty()
        assert seaweed.objects(prefix) == []


async def test_more_objects_than_go_at_once_that_may_not_be_deleted_keep_no_other(
    tenant: ObjectStore,
) -> None:
    prefix = uuid4().hex[:8]
    async with world_at(f"s3://{BUCKET}/{prefix}") as world:
        stuck = await cancelled(world, STEP + FURTHER)
        world.clock.advance(1)  # these come behind all those
        others = await cancelled(world, LIMITS.parts)
        beginnings = [f"{prefix}/{key[:10]}*" for key in stuck]  # of whole paths a policy is too short
        with denied(tenant, "s3:DeleteObject", beginnings):
            assert (await world.sweep_due()).deleted_blobs == len(others)
            assert await world.condemned() == stuck
            [complaint] = world.complaints
            assert isinstance(complaint, NotDeleted)
            assert complaint.count == len(stuck)
            assert "Access Denied" in str(complaint)
            assert set(tenant.objects(prefix)) == {f"{prefix}/{key}" for key in stuck}
            assert (await world.sweep()).deleted_blobs == 0
            assert len(world.complaints) == 1, "they wait"
        world.clock.advance(POSTPONED + SCHEDULE.delete_grace)
        assert (await world.sweep()).deleted_blobs == len(stuck)
        await world.check_empty()


async def test_a_store_that_goes_away_in_a_round_ends_it_and_puts_nothing_off(fleeting: ObjectStore) -> None:
    async with world_at(f"s3://{BUCKET}/{uuid4().hex}") as world:
        blobs = await cancelled(world, STEP + FURTHER)
        world.clock.advance(SCHEDULE.delete_grace)
        deletion = world.blobs.pause("delete", after=True)
        sweeping = asyncio.create_task(world.sweep())
        await deletion.reached()
        engines.stop(fleeting)
        deletion.release()
        with pytest.raises(StorageDown):
            await sweeping
        due = await world.catalog.port.garbage(due=world.clock(), limit=len(blobs))
        assert len(due) == FURTHER
        assert world.complaints == []


async def test_one_by_one_all_are_tried_while_the_store_answers_and_few_once_it_does_not() -> None:
    there, tried = True, 0
    keys = [f"{number:032x}" for number in range(STEP)]

    async def refuse(key: str) -> None:
        nonlocal tried
        tried += 1
        raise StorageDown("denied" if there else "away")

    async def look() -> None:
        if not there:
            raise StorageDown("nobody answers")

    assert await outcomes(refuse, keys, look=look) == dict.fromkeys(keys, "denied")
    there, tried = False, 0
    with pytest.raises(StorageDown, match="nobody answers"):
        await outcomes(refuse, keys, look=look)
    assert tried < IN_A_ROW + TOGETHER
