"""Stores that fail at every boundary: what was acknowledged stays, what was not is reclaimed later."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from heavylift.domain.uploads import Part, Status
from heavylift.service.admission import SECONDS
from heavylift.service.ports import BlobMissing, NotDone, StorageDown, StorageFull
from heavylift.service.sweeper import Swept
from heavylift.service.sweeping import Sweeping
from tests.service.world import ALL, OURS, SCHEDULE, World, md5_of, world_at

FAILURES = [StorageFull("full"), StorageDown("down")]
CERTAIN = [StorageFull("full"), NotDone("down")]
"""After these nothing can have happened."""

BEFORE_AND_AFTER = pytest.mark.parametrize("after", [False, True], ids=["before", "unknown"])


async def sweep_debris(world: World) -> None:
    """What the sweeper finds once every grace is over, in as many rounds as it takes."""
    for _ in range(2):
        world.clock.advance(SCHEDULE.orphan_grace + 300)
        await world.sweep()


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
async def test_a_part_that_the_store_cannot_take_changes_nothing(world: World, error: Exception) -> None:
    upload_id = await world.open(3)
    world.blobs.fail("write", error)
    with pytest.raises(type(error)):
        await world.part(upload_id, b"abc")
    assert (await world.upload(upload_id)).held_parts == 0
    await world.check_empty()
    done = await world.complete(upload_id, [await world.part(upload_id, b"abc")])
    assert done.status is Status.COMPLETED


@pytest.mark.parametrize("error", CERTAIN, ids=lambda error: type(error).__name__)
async def test_the_bytes_of_a_part_whose_fact_is_certainly_not_stored_are_not_kept(
    world: World, error: Exception
) -> None:
    upload_id = await world.open(6)
    for _ in range(2):
        world.catalog.fail("add_part", error)
        with pytest.raises(type(error)):
            await world.part(upload_id, b"abc")
        assert await world.stored() == set()
    world.catalog.fail("ping", error)
    with pytest.raises(type(error)):
        await world.part(upload_id, b"taken in vain")
    await world.part(upload_id, b"abc")


@BEFORE_AND_AFTER
async def test_a_part_whose_fact_has_an_unknown_outcome_is_never_half_there(
    world: World, after: bool
) -> None:
    upload_id = await world.open(3)
    world.catalog.fail("add_part", StorageDown("down"), after=after)
    with pytest.raises(StorageDown):
        await world.part(upload_id, b"abc")
    strays = await world.check()  # the bytes stay: a fact may point at them, or comes to nothing
    assert len(strays) == (0 if after else 1)
    assert (await world.upload(upload_id)).held_parts == (1 if after else 0)
    retried = await world.part(upload_id, b"abc")
    done = await world.complete(upload_id, [retried])
    assert done.file is not None
    await sweep_debris(world)
    assert await world.stored() == {retried.extent.blob}
    assert await world.content(done.file.id) == b"abc"


async def test_the_bytes_of_a_refused_part_that_cannot_be_deleted_are_found_later(world: World) -> None:
    upload_id = await world.open(3)
    held = world.catalog.pause("add_part")
    world.blobs.fail("delete", StorageDown("down"))
    late = asyncio.create_task(world.part(upload_id, b"abc"))
    await held.reached()
    await world.uploads.cancel(OURS, upload_id)
    held.release()
    with pytest.raises(StorageDown):
        await late
    assert len(await world.check()) == 1
    await sweep_debris(world)
    await world.check_empty()


@BEFORE_AND_AFTER
async def test_a_complete_with_an_unknown_outcome_can_be_repeated(world: World, after: bool) -> None:
    upload_id = await world.open(6)
    parts = [await world.part(upload_id, b"abc"), await world.part(upload_id, b"def")]
    world.catalog.fail("complete", StorageDown("down"), after=after)
    with pytest.raises(StorageDown):
        await world.complete(upload_id, parts, md5_of(b"abcdef"))
    await world.sweep_due()
    expected = Status.COMPLETED if after else Status.PENDING
    assert (await world.uploads.retrieve(OURS, upload_id)).status is expected
    done = await world.complete(upload_id, parts, md5_of(b"abcdef"))
    assert done.file is not None
    assert [file.id for file in await world.files.list(OURS, purpose=None, page=ALL)] == [done.file.id]
    assert await world.content(done.file.id) == b"abcdef"
    await world.check_tidy()


@BEFORE_AND_AFTER
async def test_a_cancel_with_an_unknown_outcome_can_be_repeated(world: World, after: bool) -> None:
    upload_id = await world.open(3)
    await world.part(upload_id, b"abc")
    world.catalog.fail("cancel", StorageDown("down"), after=after)
    with pytest.raises(StorageDown):
        await world.uploads.cancel(OURS, upload_id)
    assert (await world.uploads.cancel(OURS, upload_id)).status is Status.CANCELLED
    await world.sweep_due()
    await world.check_empty()


@pytest.mark.parametrize("error", [StorageDown("down"), BlobMissing("gone")], ids=repr)
async def test_a_store_that_cannot_be_read_for_md5_leaves_the_upload_pending(
    world: World, error: Exception
) -> None:
    upload_id = await world.open(3)
    part = await world.part(upload_id, b"abc")
    world.blobs.fail("read", error)
    with pytest.raises(type(error)):
        await world.complete(upload_id, [part], md5_of(b"abc"))
    assert (await world.uploads.retrieve(OURS, upload_id)).status is Status.PENDING
    assert (await world.complete(upload_id, [part], md5_of(b"abc"))).status is Status.COMPLETED


@BEFORE_AND_AFTER
async def test_a_posted_file_with_an_unknown_outcome_is_whole_or_reclaimed(world: World, after: bool) -> None:
    world.catalog.fail("add_file", StorageDown("down"), after=after)
    with pytest.raises(StorageDown):
        await world.post(b"hello")
    files = await world.files.list(OURS, purpose=None, page=ALL)
    assert len(files) == (1 if after else 0)
    await sweep_debris(world)
    if after:
        assert await world.content(files[0].id) == b"hello"
    else:
        await world.check_empty()


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
async def test_a_posted_file_that_the_store_cannot_take_changes_nothing(
    world: World, error: Exception
) -> None:
    world.blobs.fail("write", error)
    with pytest.raises(type(error)):
        await world.post(b"hello")
    assert await world.files.list(OURS, purpose=None, page=ALL) == []
    await world.check_empty()


@BEFORE_AND_AFTER
async def test_a_delete_with_an_unknown_outcome_leaves_the_file_whole_or_gone(
    world: World, after: bool
) -> None:
    file = await world.post(b"hello")
    world.catalog.fail("remove_file", StorageDown("down"), after=after)
    with pytest.raises(StorageDown):
        await world.files.delete(OURS, file.id)
    if not after:
        assert await world.content(file.id) == b"hello"
        await world.files.delete(OURS, file.id)
    await sweep_debris(world)
    await world.check_empty()


STEPS = [
    ("catalog", "expire_uploads"),
    ("catalog", "expire_files"),
    ("catalog", "forget_uploads"),
    ("catalog", "forget_idempotency_keys"),
    ("catalog", "orphans"),
    ("catalog", "condemn"),
    ("catalog", "garbage"),
    ("catalog", "forget_garbage"),
    ("blobs", "delete"),
    ("blobs", "older_than"),
]


@BEFORE_AND_AFTER
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[1])
async def test_a_sweep_that_breaks_at_any_step_is_made_good_by_later_ones(
    world: World, step: tuple[str, str], after: bool
) -> None:
    file, doomed = await world.post(b"keep"), await world.post(b"doomed", lifetime=3600)
    upload_id = await world.open(3)
    await world.part(upload_id, b"abc")
    world.catalog.fail("add_part", StorageDown("down"))
    with pytest.raises(StorageDown):
        await world.part(upload_id, b"orphan")
    world.clock.advance(SCHEDULE.orphan_grace + 300)
    cancelled = await world.open(3)
    await world.part(cancelled, b"abc")
    await world.uploads.cancel(OURS, cancelled)
    world.clock.advance(SCHEDULE.delete_grace)
    store, method = step
    getattr(world, store).fail(method, StorageDown("down"), after=after)
    if method == "older_than":
        await world.sweep()
        assert [str(error) for error in world.complaints] == ["down"]
    else:
        with pytest.raises(StorageDown):
            await world.sweep()
    await world.check()
    await sweep_debris(world)
    assert len(await world.stored()) == 1
    assert await world.condemned() == set()
    assert await world.content(file.id) == b"keep"
    assert [one.id for one in await world.files.list(OURS, purpose=None, page=ALL)] == [file.id]
    assert doomed.id != file.id


READS: list[tuple[str, Callable[[World, str, Part], Any]]] = [
    ("upload", lambda world, upload_id, _: world.uploads.retrieve(OURS, upload_id)),
    ("uploads", lambda world, *_: world.uploads.list(OURS, status=None, page=ALL)),
    ("parts", lambda world, upload_id, _: world.uploads.parts(OURS, upload_id, page=ALL)),
    ("parts", lambda world, upload_id, part: world.complete(upload_id, [part])),
    ("files", lambda world, *_: world.files.list(OURS, purpose=None, page=ALL)),
    ("upload", lambda world, upload_id, _: world.part(upload_id, b"x")),
    ("add_upload", lambda world, *_: world.open()),
]


@pytest.mark.parametrize(("method", "ask"), READS)
async def test_a_catalog_that_is_down_is_told_as_such_and_nothing_is_lost(
    world: World, method: str, ask: Callable[[World, str, Part], Any]
) -> None:
    upload_id = await world.open(3)
    part = await world.part(upload_id, b"abc")
    world.clock.advance(SECONDS)  # by now a Part asks for its Upload again
    world.catalog.fail(method, StorageDown("down"))
    with pytest.raises(StorageDown):
        await ask(world, upload_id, part)
    assert await world.stored() == {part.extent.blob}
    assert (await world.complete(upload_id, [part])).status is Status.COMPLETED


async def test_a_background_sweeper_that_fails_complains_and_goes_on() -> None:
    async with world_at("memory:") as world:
        said: list[Swept | Exception] = []
        third = asyncio.Event()

        def hear(news: Swept | Exception) -> None:
            said.append(news)
            if len(said) >= 3:
                third.set()

        sweeper = Sweeping(
            world.sweeper,
            world.catalog,
            clock=world.clock,
            interval=0.001,
            report=hear,
            complain=hear,
        )
        world.catalog.fail("expire_uploads", StorageDown("down"))
        running = asyncio.create_task(sweeper.run())
        async with asyncio.timeout(60):
            await third.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert isinstance(said[0], StorageDown)
        assert all(isinstance(news, Swept) for news in said[1:])
