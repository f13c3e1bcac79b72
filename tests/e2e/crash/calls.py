"""What the crash tests ask beside the protocol's usual calls, and the answer that may not come."""

import hashlib
from collections.abc import Callable

import httpx2
from awscrt.checksums import crc64nvme

from tests.e2e.wire import Json, good

Answer = httpx2.Response | None
"""What came back; None when the service died before it answered."""


def attempt(call: Callable[[], httpx2.Response]) -> Answer:
    """What the call was answered, if it was."""
    try:
        return call()
    except httpx2.TransportError:
        return None


def parts_of(api: httpx2.Client, upload: str) -> dict[str, Json]:
    """The Parts that an Upload shows, by id."""
    return by_id(api.get(f"/uploads/{upload}/parts", params={"limit": 100}))


def all_files(api: httpx2.Client) -> dict[str, Json]:
    """The Files that the service shows, by id."""
    return by_id(api.get("/files", params={"limit": 10_000}))


def by_id(page: httpx2.Response) -> dict[str, Json]:
    """The entries of a list that fits on one page."""
    listed = good(page)
    assert not listed["has_more"]
    return {entry["id"]: entry for entry in listed["data"]}


def checksum(body: bytes) -> str:
    """The checksum of these bytes as the service shows it."""
    return f"crc64nvme:{crc64nvme(body):016x}"


def md5(body: bytes) -> str:
    """The MD5 of these bytes in hex."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
