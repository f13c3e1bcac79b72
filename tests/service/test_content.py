"""Reading extents: a torso is never mistaken for the whole."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from heavylift.domain.checksums import EMPTY, extend
from heavylift.domain.files import WHOLE, Extent, Place, Span, touched
from heavylift.service.content import CHECKED, is_checked, read_places
from heavylift.service.ports import BlobMissing, StorageDown


class Shelf:
    """A BlobStore whose blobs may be shorter than the catalog knows, and that notes what is closed."""

    def __init__(self, **blobs: bytes) -> None:
        self.blobs = blobs
        self.open = 0

    async def read(self, key: str, span: Span = WHOLE) -> AsyncGenerator[bytes]:
        if key not in self.blobs:
            raise BlobMissing(key)
        self.open += 1
        try:
            for byte in self.blobs[key][span.start : span.stop]:
                yield bytes([byte])
        finally:
            self.open -= 1


def places(span: Span = WHOLE, /, **blobs: bytes) -> list[Place]:
    extents = [
        Extent(blob=blob, bytes=len(held), checksum=extend(EMPTY, held)) for blob, held in blobs.items()
    ]
    return list(touched(extents, span))


async def gathered(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def test_extents_are_read_in_a_row() -> None:
    shelf = Shelf(a=b"abc", b=b"de")
    assert await gathered(read_places(shelf, places(a=b"abc", b=b"de"))) == b"abcde"  # type: ignore[arg-type]
    assert await gathered(read_places(shelf, places(Span(2, 4), a=b"abc", b=b"de"))) == b"cd"  # type: ignore[arg-type]
    assert shelf.open == 0


async def test_a_blob_that_is_short_is_news_and_not_a_short_file() -> None:
    shelf = Shelf(a=b"ab", b=b"de")
    with pytest.raises(StorageDown, match="blob a is 1 bytes short"):
        await gathered(read_places(shelf, places(a=b"abc", b=b"de")))  # type: ignore[arg-type]


async def test_a_blob_with_other_bytes_never_comes_to_its_end() -> None:
    chunks = read_places(Shelf(a=b"abc", b=b"dx"), places(a=b"abc", b=b"de"))  # type: ignore[arg-type]
    got = [await anext(chunks) for _ in range(4)]
    assert b"".join(got) == b"abcd"
    with pytest.raises(StorageDown, match="blob b holds other bytes"):
        await anext(chunks)


async def test_a_blob_that_is_gone_is_news() -> None:
    with pytest.raises(BlobMissing):
        await gathered(read_places(Shelf(a=b"ab"), places(a=b"ab", b=b"de")))  # type: ignore[arg-type]


async def test_a_reader_that_leaves_frees_what_it_held() -> None:
    shelf = Shelf(a=b"abc")
    chunks = read_places(shelf, places(a=b"abc"))  # type: ignore[arg-type]
    async with aclosing(chunks):
        assert await anext(chunks) == b"a"
        assert shelf.open == 1
    assert shelf.open == 0


async def test_the_next_extent_is_begun_before_the_last_one_ends_and_freed_with_it() -> None:
    shelf = Shelf(a=b"abc", b=b"de", c=b"f")
    chunks = read_places(shelf, places(a=b"abc", b=b"de", c=b"f"))  # type: ignore[arg-type]
    async with aclosing(chunks):
        assert await anext(chunks) == b"a"
        await asyncio.sleep(0)
        assert shelf.open == 2
    assert shelf.open == 0


async def test_an_extent_begun_early_whose_bytes_are_gone_fails_only_those_who_reach_it() -> None:
    chunks = read_places(Shelf(a=b"ab"), places(a=b"ab", b=b"de"))  # type: ignore[arg-type]
    assert [await anext(chunks), await anext(chunks)] == [b"a", b"b"]
    with pytest.raises(BlobMissing):
        await anext(chunks)


@pytest.mark.parametrize("damaged", [b"xbcdef", b"abcxef", b"abcdex"])
@pytest.mark.parametrize("span", [Span(0, 5), Span(1, 4), Span(3, 6)])
async def test_a_range_of_most_of_an_extent_does_not_end_if_anything_of_the_extent_is_wrong(
    span: Span, damaged: bytes
) -> None:
    wanted = places(span, a=b"abcdef")
    assert await gathered(read_places(Shelf(a=b"abcdef"), wanted)) == b"abcdef"[span.start : span.stop]  # type: ignore[arg-type]
    got: list[bytes] = []
    with pytest.raises(StorageDown, match="other bytes than were stored") as caught:
        await collected(read_places(Shelf(a=damaged), wanted), got)  # type: ignore[arg-type]
    assert caught.value.blob == "a"
    assert len(got) == span.stop - span.start - 1  # type: ignore[operator]


async def collected(chunks: AsyncIterator[bytes], got: list[bytes]) -> None:
    """Put what comes to `got`, whatever happens then."""
    async for chunk in chunks:
        got.append(chunk)


async def test_a_range_of_little_is_not_compared_and_reads_no_more_than_it_wants() -> None:
    [place] = places(Span(1, 3), a=b"abcdef")
    assert not is_checked(place)
    assert await gathered(read_places(Shelf(a=b"xbcxxx"), [place])) == b"bc"  # type: ignore[arg-type]
    large = Extent(blob="a", bytes=CHECKED + 1, checksum=0)
    assert not is_checked((large, Span(0, CHECKED)))
    assert is_checked((large, Span(0, CHECKED + 1)))
