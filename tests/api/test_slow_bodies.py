"""Bodies that come too slowly, over real sockets, by the lane and without it."""

import asyncio

import pytest

from tests.api.connections import HOST, Serve, alive, has_no_part, is_envelope, part_head

ENDLESS = 3600
"""Seconds that bodies may take in all here: what is refused is refused for its rate."""


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_a_body_that_never_stands_still_and_never_gets_anywhere_is_408(
    serve: Serve, framing: str
) -> None:
    async with serve(idle_timeout=1.5, body_timeout=ENDLESS, body_rate=10**9) as connected:
        chunked = framing == "chunks"
        named = {"Transfer_Encoding": "chunked"} if chunked else {"Content_Length": "1000000"}
        head = await part_head(connected, **named)
        async with connected() as client:
            await client.send(head + b"\r\n")
            coming = asyncio.create_task(client.answer())
            pieces = 0
            while not coming.done():
                await client.send(b"1\r\nx\r\n" if chunked else b"x")
                pieces += 1
                assert pieces < 500
                await asyncio.wait([coming], timeout=0.05)
            status, _, body = await coming
            assert status == 408
            assert is_envelope(body, "request_timeout")
            assert b"bytes a second" in body
        await has_no_part(connected, head)
        await alive(connected)


async def test_a_json_body_has_a_short_time_of_its_own(serve: Serve) -> None:
    async with serve(json_timeout=0.5, body_timeout=ENDLESS) as connected, connected() as client:
        await client.send(b"POST /v1/uploads HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n{")
        status, _, body = await client.answer()
        assert status == 408
        assert is_envelope(body, "request_timeout")
