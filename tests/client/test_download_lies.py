"""What came is what was asked for, whatever the server says: onto the disk, and into a stream."""

import gzip
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from heavylift import errors
from heavylift.client import checksums
from tests.client.fetching import BYTES, CONTENT, META, RANGE, Fetcher, ranged
from tests.support.answers import Answer, Asked, Piece, chunked, partial, zipped

Save = Callable[..., bytes]
OTHER = CONTENT[::-1]


@pytest.fixture(params=["disk", "stream"])
def save(request: pytest.FixtureRequest, fetcher: Fetcher) -> Save:
    """Downloads, onto the disk or into an open file; the bytes that are there afterwards."""

    def onto_disk(**wishes: Any) -> bytes:
        fetcher.save(**wishes)
        return fetcher.target.read_bytes()

    def into_stream(**wishes: Any) -> bytes:
        stream = io.BytesIO()
        fetcher.save(to=stream, **wishes)
        return stream.getvalue()

    return onto_disk if request.param == "disk" else into_stream


@pytest.mark.parametrize("said", [5, 0, len(CONTENT) - 1, len(CONTENT) + 1])
def test_a_size_that_the_content_does_not_have_is_refused(fetcher: Fetcher, save: Save, said: int):
    fetcher.metadata(bytes=said, checksum=None)
    with pytest.raises(errors.CorruptedError):
        save()
    assert not fetcher.target.exists()


def test_a_longer_content_shows_itself_where_no_total_is_told(fetcher: Fetcher, save: Save):
    fetcher.metadata(bytes=25_000, checksum=None)

    def silent(asked: Asked) -> Answer:
        start, last = asked.range or (0, None)
        end = len(CONTENT) if last is None else last + 1
        return partial(CONTENT, start, end, content_range=f"bytes {start}-{end - 1}/*", etag='"1"')

    fetcher.server.answers(BYTES, silent, forever=True)
    with pytest.raises(errors.CorruptedError):
        save()


def test_a_file_of_unknown_size_is_taken_whole(fetcher: Fetcher, save: Save):
    fetcher.metadata(bytes=-1)
    assert save() == CONTENT


def test_an_empty_file_is_asked_for_too(fetcher: Fetcher, save: Save):
    fetcher.content(b"")
    assert save() == b""
    assert fetcher.server.count(BYTES) == 1


@pytest.mark.parametrize("length", ["600000000", None], ids=["told", "chunked"])
def test_a_body_stops_at_the_first_byte_too_many(fetcher: Fetcher, save: Save, length: str | None):
    """The rest is never sent: the server counts what it could get rid of."""
    fetcher.content(b"x" * 100)
    sent: list[int] = []

    def flood(asked: Asked) -> Answer:
        def pieces() -> Iterator[Piece]:
            for _ in range(600):
                sent.append(1)
                yield b"10000\r\n" + bytes(65536) + b"\r\n" if length is None else bytes(65536)

        headers = {"transfer-encoding": "chunked"} if length is None else {"content-length": length}
        return Answer(headers=headers, body=Endless(pieces))

    fetcher.server.answers(BYTES, flood, forever=True)
    with pytest.raises(errors.CorruptedError):
        save()
    assert len(sent) < 600
    assert fetcher.server.count(BYTES) == 3
    assert not fetcher.target.exists()


class Endless(list[Piece]):
    """Pieces that are made as they are sent. Of a length that nobody can tell."""

    def __init__(self, make: Callable[[], Iterator[Piece]]) -> None:
        super().__init__()
        self._make = make
        self._looked = False

    def __iter__(self) -> Iterator[Piece]:
        if not self._looked:  # by whoever adds up the lengths
            self._looked = True
            return iter(())
        return self._make()


@pytest.mark.parametrize(
    "tags",
    [('W/"1"', 'W/"2"'), ('"1"', '"2"'), ('"1"', None), (None, '"2"')],
    ids=["weak", "strong", "gone", "come"],
)
def test_a_file_that_is_replaced_in_the_middle_is_no_mixture(
    fetcher: Fetcher, save: Save, tags: tuple[str | None, str | None]
):
    fetcher.metadata(checksum=None)
    ask_in_small_ranges(fetcher, save)

    def answer(asked: Asked) -> Answer:
        state = fetcher.server.count(BYTES) > 3
        return ranged(OTHER if state else CONTENT, asked, etag=tags[state])

    fetcher.server.answers(BYTES, answer, forever=True)
    with pytest.raises(errors.FileChangedError):
        save(max_concurrency=1)
    assert not fetcher.target.exists()
    assert fetcher.left() == []


def test_last_modified_alone_is_compared_and_never_sent(fetcher: Fetcher, save: Save):
    fetcher.metadata(checksum=None)
    ask_in_small_ranges(fetcher, save)
    dates = ["Mon, 23 Nov 2026 10:00:00 GMT", "Tue, 24 Nov 2026 10:00:00 GMT"]

    def answer(asked: Asked) -> Answer:
        return ranged(CONTENT, asked, last_modified=dates[fetcher.server.count(BYTES) > 3])

    fetcher.server.answers(BYTES, answer, forever=True)
    with pytest.raises(errors.FileChangedError):
        save(max_concurrency=1)
    assert not any("if-range" in asked.headers for asked in fetcher.server.requests)


@pytest.fixture(autouse=True)
def small_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams ask for as little at once as the disk does here."""
    monkeypatch.setattr("heavylift.client.stories.pouring.POURED_AT_ONCE", RANGE)


def ask_in_small_ranges(fetcher: Fetcher, save: Save) -> None:
    """What the tests above stand on: more than three requests for this File."""
    assert save() == CONTENT
    assert fetcher.server.count(BYTES) == 6
    fetcher.mend()
    fetcher.target.unlink(missing_ok=True)


@pytest.mark.parametrize("etag", ['W/"1"', None])
def test_only_strong_tags_go_into_if_range(fetcher: Fetcher, save: Save, etag: str | None):
    fetcher.server.answers(BYTES, lambda asked: ranged(CONTENT, asked, etag=etag), forever=True)
    assert save() == CONTENT
    assert not any("if-range" in asked.headers for asked in fetcher.server.requests)


def test_the_same_tag_with_all_of_it_is_repeated_not_called_a_change(fetcher: Fetcher):
    etag = f'"{checksums.extend(0, CONTENT):016x}"'
    fetcher.server.answers(BYTES, lambda asked: None, Answer(headers={"etag": etag}, body=CONTENT))
    assert fetcher.save(max_concurrency=1).verified
    assert fetcher.server.count(BYTES) == 7


def test_a_file_that_is_changed_costs_one_range_not_all_of_it_by_every_range(fetcher: Fetcher):
    """All of it comes to whoever asks with the old tag: its body is not taken."""
    rid_of_it_all: list[str] = []

    def whole(asked: Asked) -> Answer:
        pieces: list[Piece] = [bytes(1_000_000)] * 40
        return Answer(
            headers={"etag": '"new"'}, body=[*pieces, lambda: rid_of_it_all.append(asked.line), b"end"]
        )

    fetcher.server.answers(BYTES, lambda asked: None, whole, forever=True)
    with pytest.raises(errors.FileChangedError):
        fetcher.save()
    assert rid_of_it_all == []


WRONG = {
    "another": lambda asked: partial(CONTENT, 5, 5 + RANGE, etag='"1"'),
    "shifted": lambda asked: partial(CONTENT, 5, 5 + RANGE, content_range=f"bytes 0-{RANGE - 1}/50200"),
    "too short": lambda asked: partial(CONTENT, 0, 10),
    "none told": lambda asked: Answer(status=206, body=CONTENT[:RANGE]),
    "several": lambda asked: Answer(
        status=206, headers={"content-type": "multipart/byteranges; boundary=x"}, body=b"--x--"
    ),
    "absurd": lambda asked: Answer(status=206, headers={"content-range": f"bytes 0-{'9' * 5000}/*"}),
    "another total": lambda asked: partial(CONTENT, 0, RANGE, content_range=f"bytes 0-{RANGE - 1}/99"),
    "no content": lambda asked: Answer(status=204, headers={"content-length": None}),
}


@pytest.mark.parametrize("kind", WRONG)
def test_another_range_is_asked_for_again_and_then_refused(fetcher: Fetcher, kind: str):
    fetcher.server.answers(BYTES, WRONG[kind], forever=True)
    with pytest.raises(errors.CorruptedError):
        fetcher.save(max_concurrency=1)
    assert not fetcher.target.exists()
    assert fetcher.left() == []


@pytest.mark.parametrize("kind", [kind for kind in WRONG if kind != "shifted"])
def test_another_range_that_comes_once_does_no_harm(fetcher: Fetcher, save: Save, kind: str):
    fetcher.server.answers(BYTES, WRONG[kind])
    assert save() == CONTENT


def test_bytes_that_are_not_the_files_are_an_error_in_a_stream_too(fetcher: Fetcher, save: Save):
    fetcher.metadata(checksum="crc64nvme:0123456789abcdef")
    with pytest.raises(errors.CorruptedError):
        save()


def test_a_checksum_in_another_case_is_right(fetcher: Fetcher):
    shown = fetcher.server.files["file-1"][0]["checksum"]
    fetcher.metadata(checksum=shown.upper())
    assert fetcher.save().verified
    fetcher.metadata(checksum="crc64nvme:nonsense")
    assert not fetcher.save().verified


@pytest.mark.parametrize("ranges", [True, False])
def test_a_zipped_file_that_is_served_with_a_coding_stays_zipped(fetcher: Fetcher, save: Save, ranges: bool):
    packed = gzip.compress(CONTENT * 20, 9)
    fetcher.content(packed)

    def answer(asked: Asked) -> Answer:
        if ranges and asked.range:
            return ranged(packed, asked, content_encoding="gzip")
        return Answer(headers={"content-encoding": "gzip"}, body=packed)

    fetcher.server.answers(BYTES, answer, forever=True)
    assert save(range_size=500 if ranges else RANGE) == packed


def test_a_coding_of_the_way_is_undone(fetcher: Fetcher, save: Save):
    fetcher.server.answers(BYTES, zipped(CONTENT), forever=True)
    assert save() == CONTENT


@pytest.mark.parametrize("by", ["FIN", "RST"])
def test_a_broken_connection_pours_no_byte_twice(fetcher: Fetcher, save: Save, by: Any):
    def cut(asked: Asked) -> Answer:
        whole = ranged(CONTENT, asked, etag=f'"{checksums.extend(0, CONTENT):016x}"')
        return Answer(status=206, headers=whole.headers, body=whole.body, cut=4_000, by=by)

    fetcher.server.answers(BYTES, cut, cut, lambda asked: None, cut)
    assert save(max_concurrency=1) == CONTENT


def test_a_server_without_ranges_is_poured_from_where_it_broke(fetcher: Fetcher, save: Save):
    fetcher.server.extensions = False
    fetcher.server.answers(BYTES, Answer(body=CONTENT, cut=33_000), chunked(CONTENT))
    assert save() == CONTENT


def test_what_was_poured_is_compared_with_what_comes_again(fetcher: Fetcher):
    """More than the asynchronous client gathers before it pours."""
    content, other = CONTENT * 60, OTHER * 60
    fetcher.content(content)
    fetcher.server.extensions = False
    fetcher.metadata(checksum=None)
    fetcher.server.answers(BYTES, Answer(body=content, cut=2_500_000), Answer(body=other))
    stream = io.BytesIO()
    with pytest.raises(errors.FileChangedError):
        fetcher.save(to=stream)
    assert 0 < len(stream.getvalue()) <= 2_500_000
    assert content.startswith(stream.getvalue())


def test_progress_never_counts_what_was_thrown_away(fetcher: Fetcher, save: Save):
    reports: list[Any] = []
    fetcher.server.answers(BYTES, WRONG["too short"], lambda asked: None, Answer(status=503))
    assert save(on_progress=reports.append) == CONTENT
    assert reports[-1].bytes_done == len(CONTENT)
    assert max(report.bytes_done for report in reports) <= len(CONTENT)


def test_the_metadata_is_asked_for_once(fetcher: Fetcher, save: Save):
    save()
    assert fetcher.server.count(META) == 1
    assert fetcher.left() == []
