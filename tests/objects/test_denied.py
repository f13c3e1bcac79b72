"""An object that its store does not let us delete: it waits, is named, and keeps no other from going."""

from uuid import uuid4

import pytest

from heavylift.service.ports import NotDeleted
from heavylift.service.sweeper import POSTPONED
from tests.objects.engines import BUCKET, TENANT, ObjectStore
from tests.objects.policies import denied
from tests.service.world import OURS, SCHEDULE, world_at

MANY = 12


async def test_one_of_many_objects_that_may_not_be_deleted_keeps_no_other(
    seaweed: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**seaweed.environment(), **TENANT}.items():
        monkeypatch.setenv(name, value)
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
