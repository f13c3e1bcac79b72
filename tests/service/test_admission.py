"""A "yes" is remembered for a moment, a "no" never, and the catalog has the last word."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from heavylift.domain.errors import TooManyParts, UploadCancelled, UploadExpired, UploadTooLarge
from heavylift.service.admission import ENTRIES, SECONDS, Admission
from tests.fakes import HandClock
from tests.service.world import LIMITS, OURS, THEIRS, World

ASKED = RuntimeError("the catalog was asked")


async def one_kilobyte() -> AsyncIterator[bytes]:
    yield bytes(1000)


async def test_the_next_part_does_not_ask_for_the_upload_again_until_the_moment_is_over(world: World) -> None:
    upload_id = await world.open()
    await world.part(upload_id, b"one")
    world.catalog.fail("upload", ASKED)
    await world.part(upload_id, b"two")
    world.clock.advance(SECONDS)
    with pytest.raises(RuntimeError, match="asked"):
        await world.part(upload_id, b"three")
    await world.part(upload_id, b"four")
    assert (await world.upload(upload_id)).held_parts == 3


async def test_a_yes_does_not_outlive_its_moment_whatever_the_clock_is_set_to(world: World) -> None:
    ticks = HandClock(5.0)
    admission = Admission(LIMITS, ticks=ticks)
    upload = await world.upload(await world.open())
    admission.remember(upload)
    assert admission.admits(OURS, upload.id, 1, world.clock.now)
    ticks.advance(SECONDS)
    assert not admission.admits(OURS, upload.id, 1, world.clock.now - 86_400)


async def test_an_upload_cancelled_here_is_refused_at_once_and_its_body_not_read(world: World) -> None:
    upload_id = await world.open()
    await world.part(upload_id, b"one")
    await world.uploads.cancel(OURS, upload_id)
    with pytest.raises(UploadCancelled):
        await world.part(upload_id, b"two")


async def test_an_upload_cancelled_elsewhere_refuses_in_the_end_and_keeps_no_bytes(world: World) -> None:
    upload_id = await world.open()
    await world.part(upload_id, b"one")
    assert await world.catalog.port.cancel(OURS, upload_id, judged_at=world.clock.now, due=world.clock.now)
    with pytest.raises(UploadCancelled):
        await world.part(upload_id, b"two")
    assert await world.stored() == await world.condemned()


async def test_a_deadline_that_passes_within_the_moment_is_seen(world: World) -> None:
    upload_id = await world.open()
    deadline = (await world.upload(upload_id)).expires_at
    world.clock.now = deadline - SECONDS / 2
    await world.part(upload_id, b"one")
    world.clock.now = float(deadline)
    with pytest.raises(UploadExpired):
        await world.part(upload_id, b"two")


async def test_what_was_admitted_counts_against_the_room_that_is_remembered(world: World) -> None:
    upload_id = await world.open()
    for _ in range(LIMITS.parts):
        await world.part(upload_id, b"x")
    with pytest.raises(TooManyParts):
        await world.part(upload_id, b"x")
    other = await world.open()
    for _ in range(6):
        await world.add(other, one_kilobyte(), at_least=1000)
    with pytest.raises(UploadTooLarge):
        await world.add(other, one_kilobyte(), at_least=1000)


async def test_another_project_gains_nothing_by_what_is_remembered(world: World) -> None:
    admission = Admission(LIMITS)
    upload = await world.upload(await world.open())
    admission.remember(upload)
    assert admission.admits(OURS, upload.id, 1, world.clock.now)
    assert not admission.admits(THEIRS, upload.id, 1, world.clock.now)


async def test_memory_is_bounded(world: World) -> None:
    admission = Admission(LIMITS)
    uploads = [await world.upload(await world.open()) for _ in range(2)]
    admission.remember(uploads[0])
    for number in range(ENTRIES):
        admission.remember(replace(uploads[1], id=str(number)))
    assert not admission.admits(OURS, uploads[0].id, 1, world.clock.now)
