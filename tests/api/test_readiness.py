"""Whether the stores do their work, as /readyz says it: asked for once a second, answered in time."""

import asyncio

import pytest

from heavylift.api.readiness import KEPT, Readiness
from heavylift.domain.errors import InsufficientStorage, StorageUnavailable
from heavylift.service.ports import StorageDown, StorageFull
from tests.fakes import HandClock


class Store:
    """Answers a ping as it is told; counts them."""

    def __init__(self) -> None:
        self.pings = 0
        self.says: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def ping(self) -> None:
        self.pings += 1
        await self.answers.wait()
        if self.says is not None:
            raise self.says


async def test_a_thousand_who_ask_cost_what_one_costs_and_a_second_later_it_is_asked_again() -> None:
    store, clock = Store(), HandClock(100.0)
    readiness = Readiness({"catalog": store.ping}, clock=clock)
    await asyncio.gather(*(readiness.check() for _ in range(1000)))
    await readiness.check()
    assert store.pings == 1
    clock.now += KEPT
    store.says = StorageDown("secret host")
    for _ in range(3):
        with pytest.raises(
            StorageUnavailable, match=r"^The catalog failed\. Look into the log, which says how\.$"
        ):
            await readiness.check()
    assert store.pings == 2
    clock.now += KEPT
    store.says = StorageFull("no room")
    with pytest.raises(InsufficientStorage, match="catalog has no room"):
        await readiness.check()
    clock.now += KEPT
    store.says = None
    await readiness.check()


async def test_a_store_that_hangs_is_named_and_not_asked_again_before_it_answers() -> None:
    catalog, blobs, clock = Store(), Store(), HandClock(100.0)
    readiness = Readiness({"catalog": catalog.ping, "blob store": blobs.ping}, clock=clock, patience=0.01)
    blobs.answers.clear()
    for _ in range(3):
        with pytest.raises(StorageUnavailable, match=r"The blob store has not answered for 0\.01 s"):
            await readiness.check()
        clock.now += KEPT
    assert (catalog.pings, blobs.pings) == (3, 1)
    blobs.answers.set()
    await asyncio.sleep(0)
    await readiness.check()
    assert blobs.pings == 1
