"""Bodies over real sockets: refused, slow, greedy and leaving clients, with the lane and without."""

import asyncio
from pathlib import Path

import pytest

from tests.api.conftest import KEY
from tests.api.connections import (
    HEALTHY,
    HOST,
    PART,
    Serve,
    alive,
    ends,
    has_no_part,
    is_envelope,
    part_head,
    stored_file,
)
from tests.fakes import PATIENCE

BIG = 300_000


async def test_a_connection_is_of_use_after_a_refusal(serve: Serve) -> None:
    async with serve() as connected, connected() as client:
        for _ in range(3):
            await client.send(PART + b"Content-Length: 100000\r\n\r\n" + bytes(100_000))
            assert (await client.answer())[0] == 404
        await client.send(HEALTHY)
        assert (await client.answer())[0] == 200


async def test_a_refusal_is_read_by_a_client_that_is_still_sending(serve: Serve) -> None:
    async with serve(max_part_bytes=1000) as connected:
        head = await part_head(connected)
        async with connected() as client:
            await client.send(head + b"Content-Length: 5000000\r\n\r\n")
            for _ in range(50):
                await client.send(bytes(100_000))
            status, _, body = await client.answer()
            assert status == 413
            assert is_envelope(body, "part_too_large")
            await client.send(HEALTHY)
            assert (await client.answer())[0] == 200


async def test_a_client_that_waits_for_leave_gets_its_refusal_instead(serve: Serve) -> None:
    async with serve() as connected, connected() as client:
        await client.send(PART + b"Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n")
        status, headers, _ = await client.answer()
        assert status == 404
        assert headers["connection"] == "close"
        await ends(client)


async def test_a_client_that_waits_for_leave_gets_it(serve: Serve) -> None:
    async with serve() as connected:
        head = await part_head(connected)
        async with connected() as client:
            await client.send(head + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            assert (await client.answer())[0] == 100
            await client.send(b"abc")
            status, _, body = await client.answer()
            assert status == 200
            assert b'"bytes":3' in body
            await client.send(HEALTHY)
            assert (await client.answer())[0] == 200


async def test_a_body_that_stands_still_is_408(serve: Serve) -> None:
    async with serve(idle_timeout=0.2) as connected:
        head = await part_head(connected)
        async with connected() as client:
            await client.send(head + b"Content-Length: 10\r\n\r\nabc")
            status, _, body = await client.answer()
            assert status == 408
            assert is_envelope(body, "request_timeout")
        await alive(connected)


async def test_a_client_that_never_reads_its_download_is_cut_off(serve: Serve) -> None:
    size = 24 * 1024 * 1024
    async with serve(idle_timeout=0.5) as connected:
        get = await stored_file(connected, bytes(size))
        async with connected() as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await client.send(get + b"\r\n")
            await alive(connected)
            # Nothing tells a client that does not read that it was cut off: give the bound its time.
            await asyncio.sleep(2.0)
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert len(await client.rest()) < size
        await alive(connected)


async def test_a_download_whose_bytes_are_gone_is_an_error_and_no_torso(serve: Serve, tmp_path: Path) -> None:
    async with serve() as connected, connected() as client:
        get = await stored_file(connected, b"abc") + b"\r\n"
        delete = get.replace(b"GET", b"DELETE", 1).replace(b"/content", b"", 1)
        [blob] = [path for path in (tmp_path / "data" / "blobs").glob("??/*") if path.is_file()]
        await client.send(get)
        assert (await client.answer())[::2] == (200, b"abc")
        blob.unlink()
        await client.send(get + delete + get)
        status, _, body = await client.answer()
        assert status == 503
        assert is_envelope(body, "storage_unavailable")
        assert (await client.answer())[0] == 200
        status, _, body = await client.answer()
        assert status == 404
        assert b"No such File object" in body


async def test_trailers_are_read_over_and_bounded(serve: Serve) -> None:
    async with serve(max_head_bytes=4096) as connected:
        head = await part_head(connected, Transfer_Encoding="chunked") + b"\r\n"
        async with connected() as client:
            await client.send(head + b"3\r\nabc\r\n0\r\nX-Trailer: y\r\n\r\n")
            status, _, body = await client.answer()
            assert status == 200, body
            await client.send(HEALTHY)
            assert (await client.answer())[0] == 200
        async with connected() as client:
            client.writer.write(head + b"3\r\nabc\r\n0\r\n" + b"X: y\r\n" * 100_000)
            await client.rest()
        await alive(connected)


async def test_trace_is_405_and_echoes_nothing(serve: Serve) -> None:
    async with serve() as connected, connected() as client:
        await client.send(b"TRACE /v1/files HTTP/1.1\r\n" + HOST + b"\r\n")
        status, headers, body = await client.answer()
        assert status == 405
        assert set(headers["allow"].split(", ")) == {"GET", "POST"}
        assert KEY.encode() not in body


async def test_http_1_0_is_answered_and_closed(serve: Serve) -> None:
    async with serve() as connected, connected() as client:
        await client.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert (await client.answer())[0] == 200
        await ends(client)


async def test_a_client_that_leaves_in_the_middle_of_a_part_leaves_nothing(
    serve: Serve, tmp_path: Path
) -> None:
    async with serve() as connected:
        head = await part_head(connected)
        async with connected() as client:
            await client.send(head + b"Content-Length: 3000000\r\n\r\n" + bytes(2_000_000))
        async with asyncio.timeout(PATIENCE):
            while [path for path in (tmp_path / "data" / "blobs").glob("??/*") if path.is_file()]:
                await asyncio.sleep(0.01)
        await has_no_part(connected, head)


async def test_a_download_that_comes_with_a_body_is_answered_and_the_body_dropped(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as connected:
        get = await stored_file(connected, bytes(BIG))
        for framing, follows in (
            (b"Content-Length: %d\r\n" % BIG, True),
            (b"Content-Length: 3\r\nExpect: 100-continue\r\n", False),
            (b"Transfer-Encoding: chunked\r\n", False),
        ):
            async with connected() as client:
                await client.send(get + framing + b"\r\n")
                status, _, body = await client.answer()
                assert (status, body) == (200, bytes(BIG))
                if follows:
                    await client.send(bytes(BIG) + HEALTHY)
                    assert (await client.answer())[0] == 200
                else:
                    await ends(client)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
