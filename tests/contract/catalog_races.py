"""Many at once, in one process and in several: exactly one wins, and no blob is lost."""

import asyncio
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

from heavylift.catalog import open_catalog
from heavylift.domain.uploads import Part, Status, Upload
from heavylift.service.keys import Keys
from heavylift.service.ports import Catalog
from tests.contract.catalog_facts import (
    DEADLINE,
    MINE,
    NOW,
    ROOM,
    assert_counts_true,
    assert_no_blob_lost,
    blobs_of,
    extents_of,
    finish,
    new_part,
    new_upload,
    stored_file,
    stored_upload,
)

ROOT = Path(__file__).parents[2]


async def contend(
    catalogs: list[Catalog], upload: Upload, parts: list[Part], order: random.Random
) -> list[Part]:
    """Complete, cancel, expire and add to one Upload at once. The Parts that were taken."""
    late = [new_part(upload, 7) for _ in range(4)]
    pick = order.choice
    closers = [
        finish(pick(catalogs), upload, parts),
        finish(pick(catalogs), upload, parts[::-1]),
        pick(catalogs).cancel(MINE, upload.id, judged_at=NOW, due=0),
        pick(catalogs).expire_uploads(before=DEADLINE + 1, due=0, limit=1),
    ]
    adders = [pick(catalogs).add_part(MINE, part, **ROOM) for part in late]
    asked = [*enumerate(closers), *enumerate(adders, start=10)]
    order.shuffle(asked)
    answers = await asyncio.gather(*(call for _, call in asked))
    answered = {number: answer for (number, _), answer in zip(asked, answers, strict=True)}
    won = [bool(answered[number]) for number in range(3)] + [answered[3].rows == 1]
    assert sum(won) == 1, "exactly one closes the Upload"
    return [part for number, part in enumerate(late, start=10) if answered[number]]


async def race(catalogs: list[Catalog], *, rounds: int) -> None:
    order = random.Random(0)
    for _ in range(rounds):
        upload, parts = await stored_upload(catalogs[0], 1, 2, 3)
        taken = await contend(catalogs, upload, parts, order)
        closed = await assert_counts_true(catalogs[-1], upload)
        assert closed.state is not Status.PENDING
        assert closed.held_parts == (3 if closed.state is Status.COMPLETED else 0)
        await assert_no_blob_lost(catalogs[-1], blobs_of(parts + taken))


class CatalogRaces:
    """On one catalog."""

    async def test_no_more_parts_are_taken_than_there_is_room_for(self, catalog: Catalog) -> None:
        upload, _ = await stored_upload(catalog)
        for room, fit in ({"held_parts": 10}, 10), ({"held_bytes": 1_450}, 14):
            offers = (catalog.add_part(MINE, new_part(upload), **ROOM | room) for _ in range(32))
            await asyncio.gather(*offers)
            assert (await assert_counts_true(catalog, upload)).held_parts == fit

    async def test_exactly_one_closes_an_upload(self, catalog: Catalog) -> None:
        await race([catalog], rounds=25)

    async def test_exactly_one_removes_a_file(self, catalog: Catalog) -> None:
        file = await stored_file(catalog, 1, 2, 3)
        blobs = [extent.blob for extent in await extents_of(catalog, file.id)]
        removals = (catalog.remove_file(MINE, file.id, now=NOW, due=NOW) for _ in range(16))
        assert sorted(await asyncio.gather(*removals)) == [False] * 15 + [True]
        await assert_no_blob_lost(catalog, blobs)

    async def test_of_many_first_starts_one_makes_the_first_key(self, catalog: Catalog) -> None:
        kept = list[str]()

        def keep(secret: str) -> str:
            kept.append(secret)
            return secret

        starts = (Keys(catalog, clock=lambda: NOW).bootstrap(keep=keep) for _ in range(12))
        secrets = [first.secret for first in await asyncio.gather(*starts) if first.secret is not None]
        assert len(secrets) == len(await catalog.keys()) == 1
        assert kept == secrets


class SharedCatalogRaces:
    """On a database that several have open."""

    async def test_one_catalog_sees_at_once_what_another_was_told_is_stored(
        self, pair: list[Catalog]
    ) -> None:
        first, second = pair
        for _ in range(20):
            upload = new_upload()
            await first.add_upload(upload)
            assert await second.upload(MINE, upload.id) == upload
            first, second = second, first

    async def test_exactly_one_closes_an_upload_that_two_catalogs_serve(self, pair: list[Catalog]) -> None:
        await race(pair, rounds=25)

    async def test_a_blob_is_condemned_or_stored_but_never_both(self, pair: list[Catalog]) -> None:
        first, second = pair
        upload, _ = await stored_upload(first)
        stored = condemned = 0
        for number in range(60):
            part = new_part(upload)
            lost = [new_part(upload).extent.blob for _ in range(2)]
            contest = [
                first.add_part(MINE, part, **ROOM),
                second.condemn([lost[0], part.extent.blob, lost[1]], due=NOW),
            ]
            if number % 2:
                second_answer, first_answer = await asyncio.gather(*contest[::-1])
            else:
                first_answer, second_answer = await asyncio.gather(*contest)
            assert set(lost) == set(second_answer) - {part.extent.blob}
            assert first_answer != (part.extent.blob in second_answer)
            stored, condemned = stored + first_answer, condemned + len(second_answer) - len(lost)
            await assert_no_blob_lost(first, blobs_of([part]))
        assert (await assert_counts_true(second, upload)).held_parts == stored
        assert stored + condemned == 60

    async def test_exactly_one_of_many_processes_closes_each_upload(self, shared: Callable[[], str]) -> None:
        url = shared()
        catalog = open_catalog(url)
        uploads = [(await stored_upload(catalog, 1, 2, 3))[0] for _ in range(40)]
        children = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.contract.catalog_contender", url),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            for _ in range(3)
        ]
        for child in children:  # all are ready before one begins
            assert await child.stdout.readline() == b"ready\n"
        answers = await asyncio.gather(
            *(child.communicate(json.dumps([upload.id for upload in uploads]).encode()) for child in children)
        )
        assert [child.returncode for child in children] == [0, 0, 0]
        reports = [json.loads(out) for out, _ in answers]
        for upload in uploads:
            assert sum(report["closed"].count(upload.id) for report in reports) == 1
            await assert_counts_true(catalog, upload)
        stored = [blob for report in reports for blob in report["stored"]]
        await assert_no_blob_lost(catalog, stored)
        await catalog.close()
