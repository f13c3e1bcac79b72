"""Heads and garbage over real sockets: slow, huge and broken clients, with the lane and without."""

import asyncio

import pytest

from tests.api.connections import HOST, Serve, alive, ends, is_envelope, new_upload


@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\nX: y", b"GET / HTTP/1.1\r\nX: y\r\n"])
async def test_a_head_that_does_not_end_in_time_is_408(serve: Serve, begun: bytes) -> None:
    async with serve(head_timeout=0.2) as connected, connected() as client:
        await client.send(begun)
        status, headers, body = await client.answer()
        assert status == 408
        assert is_envelope(body, "request_timeout")
        assert headers["x-request-id"].startswith("req_")
        await ends(client)
        await alive(connected)


async def test_a_head_that_dribbles_in_is_408_at_the_same_time(serve: Serve) -> None:
    async with serve(head_timeout=0.3) as connected, connected() as client:
        answering = asyncio.create_task(client.answer())
        for byte in b"GET /healthz HTTP/1.1\r\n" + b"X-Slow: y\r\n" * 10_000:
            client.writer.write(bytes([byte]))
            await asyncio.sleep(0.002)
            if answering.done():
                break
        assert (await answering)[0] == 408


async def test_a_client_that_says_nothing_is_let_go(serve: Serve) -> None:
    async with serve(head_timeout=0.1) as connected, connected() as client:
        await ends(client)


@pytest.mark.parametrize("size", [70_000, 300_000, 2_000_000])
async def test_a_head_beyond_the_limit_is_431(serve: Serve, size: int) -> None:
    async with serve() as connected, connected() as client:
        client.writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Huge: " + b"a" * size + b"\r\n\r\n")
        status, _, body = await client.answer()
        assert status == 431
        assert is_envelope(body, "headers_too_large")
        await alive(connected)


async def test_a_head_of_many_small_lines_is_bounded_too(serve: Serve) -> None:
    async with serve(max_head_bytes=4096) as connected, connected() as client:
        client.writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000 + b"\r\n")
        assert (await client.answer())[0] == 431


async def test_a_decent_head_is_fine_in_any_pieces(serve: Serve) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 3000 + b"\r\n\r\n"
    async with serve(max_head_bytes=4096) as connected, connected() as client:
        for _ in range(3):
            for start in range(0, len(head), 1000):
                await client.send(head[start : start + 1000])
                await asyncio.sleep(0)
            assert (await client.answer())[0] == 200


GARBAGE = {
    "noise": b"\x00\x01\x02\x03\xff\xfe\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "words": b"hello there\r\n\r\n",
    "an unknown method": b"BREW /coffee HTTP/1.1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a negative length": b"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "length and chunked": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_what_is_no_http_is_400_in_the_envelope_and_closes(serve: Serve, garbage: bytes) -> None:
    async with serve() as connected, connected() as client:
        await client.send(garbage)
        status, headers, body = await client.answer()
        assert status == 400
        assert is_envelope(body, "malformed_request")
        assert headers["connection"] == "close"
        await ends(client)
        await alive(connected)


@pytest.mark.parametrize(
    "target", [b"/v1/files/\xff\xfe", b"/v1/files/%ff%fe", b"/v1/files?limit=%ff", b"/\xe2\x82\xac"]
)
async def test_a_target_that_is_no_text_is_no_bug(serve: Serve, target: bytes) -> None:
    async with serve() as connected, connected() as client:
        await client.send(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        status, _, body = await client.answer()
        assert status in (400, 404)
        assert body.startswith(b'{"error"')
        await alive(connected)


async def test_a_broken_chunk_is_not_taken_for_a_part(serve: Serve) -> None:
    async with serve() as connected:
        upload_id = await new_upload(connected)
        path = f"/v1/uploads/{upload_id}".encode()
        async with connected() as client:
            await client.send(
                b"POST "
                + path
                + b"/parts HTTP/1.1\r\n"
                + HOST
                + b"Content-Type: application/octet-stream\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nZZ\r\n"
            )
            await client.rest()
        async with connected() as client:
            await client.send(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n")
            assert b'"parts_count":0' in (await client.answer())[2]


async def test_pipelined_requests_are_answered_in_order(serve: Serve) -> None:
    async with serve() as connected, connected() as client:
        asked = [b"/healthz", b"/nowhere", b"/readyz", b"/healthz"] * 5
        await client.send(b"".join(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n" for path in asked))
        answers = [await client.answer() for _ in asked]
        assert [status for status, _, _ in answers] == [200, 404, 200, 200] * 5
        assert len({headers["x-request-id"] for _, headers, _ in answers}) == len(asked)
