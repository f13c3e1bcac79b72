"""The meter: counts, checksums, and stops a stream while it passes."""

import base64
import hashlib
import threading
from collections.abc import AsyncIterator

import pytest
from awscrt.checksums import crc32c
from hypothesis import given
from hypothesis import strategies as st

from heavylift.domain import checksums
from heavylift.domain.errors import DigestMismatch, PartTooLarge, UnfitFile
from heavylift.domain.limits import Limits
from heavylift.domain.uploads import check_part_filled, check_part_size
from heavylift.service.meter import HASHERS, Expected, Meter, metered
from tests.service.world import stream

LIMITS = Limits(part_bytes=100)

DIGESTS = {
    "md5": lambda data: hashlib.md5(data).digest(),
    "sha-256": lambda data: hashlib.sha256(data).digest(),
    "sha-512": lambda data: hashlib.sha512(data).digest(),
    "crc32c": lambda data: crc32c(data).to_bytes(4, "big"),
    "crc64nvme": lambda data: checksums.extend(0, data).to_bytes(8, "big"),
}


def a_meter(*expected: Expected) -> Meter:
    return Meter(
        admit=lambda size: check_part_size(size, LIMITS), settle=check_part_filled, expected=expected
    )


def promise(algorithm: str, data: bytes) -> Expected:
    return Expected(algorithm=algorithm, value=DIGESTS[algorithm](data), source="Content-Digest")


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_it_knows_the_size_and_the_checksum_of_what_passed(pieces: list[bytes]) -> None:
    meter = a_meter()
    for piece in pieces:
        meter.update(piece)
    whole = b"".join(pieces)
    assert (meter.bytes, meter.checksum) == (len(whole), checksums.extend(0, whole))


def test_it_knows_every_algorithm_that_is_tested_here_and_no_other() -> None:
    assert set(HASHERS) == set(DIGESTS)


def test_crc32c_has_its_known_check_value() -> None:
    hasher = HASHERS["crc32c"]()
    hasher.update(b"123456789")
    assert base64.b64encode(hasher.digest()) == base64.b64encode(bytes.fromhex("e3069283"))


@pytest.mark.parametrize("algorithm", DIGESTS)
async def test_a_kept_promise_passes_and_a_broken_one_is_named(algorithm: str) -> None:
    kept = a_meter(promise(algorithm, b"hello"))
    assert [chunk async for chunk in metered(stream(b"he", b"llo"), kept)] == [b"he", b"llo"]
    broken = a_meter(promise(algorithm, b"hello"))
    with pytest.raises(DigestMismatch, match=rf"{algorithm} of the 4 bytes.*Content-Digest"):
        [chunk async for chunk in metered(stream(b"hell"), broken)]


async def test_all_promises_count() -> None:
    meter = a_meter(promise("sha-256", b"hello"), promise("md5", b"other"))
    with pytest.raises(DigestMismatch, match="md5"):
        [chunk async for chunk in metered(stream(b"hello"), meter)]


async def test_a_promise_may_be_made_until_the_first_byte() -> None:
    meter = a_meter()
    meter.expect([promise("crc64nvme", b"a")])
    meter.update(b"a")
    meter.finish()
    with pytest.raises(AssertionError):
        meter.expect([promise("crc64nvme", b"a")])


async def test_the_stream_stops_at_the_byte_too_many() -> None:
    pulled = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal pulled
        for _ in range(10):
            pulled += 1
            yield bytes(30)

    passed = metered(body(), a_meter())
    assert [len(await anext(passed)) for _ in range(3)] == [30, 30, 30]
    with pytest.raises(PartTooLarge):
        await anext(passed)
    assert pulled == 4


async def test_an_empty_stream_is_refused_at_its_end() -> None:
    with pytest.raises(UnfitFile):
        [chunk async for chunk in metered(stream(), a_meter())]


@pytest.mark.parametrize(("algorithm", "slow"), [("md5", True), ("sha-512", True), ("crc32c", False)])
async def test_slow_digests_are_computed_off_the_event_loop(algorithm: str, slow: bool) -> None:
    meter = a_meter(promise(algorithm, b"hello"))
    assert meter.slow is slow
    threads: set[int] = set()

    class Seen(Meter):
        def update(self, data: bytes) -> None:  # type: ignore[override]
            threads.add(threading.get_ident())
            super().update(data)

    seen = Seen(admit=lambda _: None, settle=lambda _: None, expected=[promise(algorithm, b"hello")])
    assert [chunk async for chunk in metered(stream(b"hello"), seen)] == [b"hello"]
    assert (threading.get_ident() in threads) is not slow


def test_a_digest_is_computed_once_however_many_headers_promise_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    counting = {
        name: lambda name=name, new=new: (made.append(name), new())[1] for name, new in HASHERS.items()
    }
    monkeypatch.setattr("heavylift.service.meter.HASHERS", counting)
    meter = a_meter(promise("md5", b"abc"), promise("md5", b"abc"), promise("sha-256", b"abc"))
    meter.expect([promise("md5", b"abc")])
    meter.update(b"abc")
    meter.finish()
    assert made == ["md5", "sha-256"]


def test_of_several_promises_of_one_kind_each_is_kept() -> None:
    meter = a_meter(promise("md5", b"abc"), promise("md5", b"abd"))
    meter.update(b"abc")
    with pytest.raises(DigestMismatch):
        meter.finish()
