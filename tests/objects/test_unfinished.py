"""Lists of multipart uploads as poor stores give them: read as far as they make sense, never for ever."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from heavylift.blobs.unfinished import Bucket, Unfinished
from tests.fakes import PATIENCE

MOST = 20
"""Requests after which a list is taken to go on for ever."""


def upload(name: str, initiated: str = "<Initiated>2026-01-01T00:00:00.000Z</Initiated>") -> str:
    return f"<Upload><Key>p/{name}</Key><UploadId>u-{name}</UploadId>{initiated}</Upload>"


def page(*uploads: str, more: bool = False, markers: str = "") -> tuple[int, str]:
    truncated = f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>"
    return (
        200,
        f"<ListMultipartUploadsResult>{truncated}{markers}{''.join(uploads)}</ListMultipartUploadsResult>",
    )


def markers(key: str) -> str:
    return f"<NextKeyMarker>{key}</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>"


@contextmanager
def answering(*answers: tuple[int, str]) -> Iterator[tuple[Unfinished, list[str]]]:
    """A store that gives these answers in turn, the last one for ever; and what it was asked."""
    asked: list[str] = []

    class Store(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = answers[min(len(asked), len(answers) - 1)] if len(asked) < MOST else (500, "")
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Not here."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        bucket = Bucket(url=f"http://127.0.0.1:{server.server_port}/b", region="r", credentials=None)
        try:
            yield Unfinished(bucket, timeout=PATIENCE), asked
        finally:
            server.shutdown()
            thread.join(PATIENCE)


async def found(unfinished: Unfinished) -> list[str]:
    names = [path async for path, _, _ in unfinished.all("p/")]
    await unfinished.close()
    return names


@pytest.mark.parametrize("said", ["", markers("")], ids=["no markers", "empty ones"])
async def test_a_store_that_says_more_and_not_where_is_asked_once(said: str) -> None:
    with answering(page(upload("a"), more=True, markers=said)) as (unfinished, asked):
        assert await found(unfinished) == ["p/a"]
        assert len(asked) == 1


async def test_a_store_whose_markers_do_not_move_is_not_asked_on_and_on() -> None:
    again = page(upload("a"), more=True, markers=markers("p/a"))
    with answering(again) as (unfinished, asked):
        assert set(await found(unfinished)) == {"p/a"}
        assert len(asked) == 2


async def test_pages_are_followed_to_the_last() -> None:
    first = page(upload("a"), more=True, markers=markers("p/a"))
    with answering(first, page(upload("b"))) as (unfinished, asked):
        assert await found(unfinished) == ["p/a", "p/b"]
        assert "key-marker=p%2Fa" in asked[1]


@pytest.mark.parametrize("initiated", ["", "<Initiated>soon</Initiated>"])
async def test_an_upload_of_which_the_beginning_is_not_said_is_left_out_and_no_other(initiated: str) -> None:
    with answering(page(upload("a", initiated), upload("b"))) as (unfinished, _):
        assert await found(unfinished) == ["p/b"]


async def test_a_store_that_does_not_let_us_list_them_ends_no_search(
    caplog: pytest.LogCaptureFixture,
) -> None:
    denied = 403, "<Error><Code>AccessDenied</Code></Error>"
    with answering(denied) as (unfinished, _):
        for _ in range(2):
            assert await found(unfinished) == []
    assert [record.message for record in caplog.records if "s3:ListBucketMultipartUploads" in record.message]
    assert len([record for record in caplog.records if record.name.startswith("heavylift")]) == 1
