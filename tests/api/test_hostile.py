"""Requests that try to be two things at once, or stop half way, over real sockets."""

import asyncio
import socket
import struct

import pytest

from tests.api.connections import (
    HEALTHY,
    HOST,
    Serve,
    alive,
    ends,
    has_no_part,
    is_envelope,
    part_head,
    stored_file,
)

BIG = 300_000


REFUSED = {
    "a coding behind chunked": b"Transfer-Encoding: chunked, identity\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "two codings in two lines": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "the same length twice": b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": b"Content-Length: 3, 3\r\n\r\nabc",
    "a length with a sign": b"Content-Length: +3\r\n\r\nabc",
    "a length in hex": b"Content-Length: 0x3\r\n\r\nabc",
    "a length beyond 64 bits": b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "a folded header": b"X: a\r\n b\r\nContent-Length: 3\r\n\r\nabc",
    "a bare carriage return": b"X: a\rY: b\r\nContent-Length: 3\r\n\r\nabc",
    "a NUL in a header": b"X: a\x00b\r\nContent-Length: 3\r\n\r\nabc",
    "a second key": b"Authorization: Bearer other\r\nContent-Length: 3\r\n\r\nabc",
    "a second host": b"Host: y\r\nContent-Length: 3\r\n\r\nabc",
    "a chunk of negative size": b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc",
    "a chunk beyond 64 bits": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nFFFFFFFFFFFFFFFFF\r\nabc",
    "a chunk longer than it says": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "chunks with bare line feeds": b"Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
}


@pytest.mark.parametrize("rest", REFUSED.values(), ids=REFUSED)
async def test_a_part_that_two_could_read_differently_is_400_and_keeps_nothing(
    serve: Serve, rest: bytes
) -> None:
    async with serve() as connected:
        head = await part_head(connected)
        async with connected() as client:
            await client.send(head + rest)
            status, headers, body = await client.answer()
            assert status == 400
            assert is_envelope(body, "malformed_request")
            assert headers["connection"] == "close"
            await ends(client)
        await has_no_part(connected, head)


CODINGS = {
    "not known": b"xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "before chunked": b"gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("rest", CODINGS.values(), ids=CODINGS)
async def test_a_transfer_coding_that_is_not_known_is_501(serve: Serve, rest: bytes) -> None:
    async with serve() as connected:
        head = await part_head(connected)
        async with connected() as client:
            await client.send(head + b"Transfer-Encoding: " + rest)
            status, headers, body = await client.answer()
            assert status == 501
            assert is_envelope(body, "unknown_transfer_coding")
            assert headers["connection"] == "close"
            await ends(client)
        await has_no_part(connected, head)


LINES = {
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/2.0": b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/9.9": b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "bare line feeds": b"GET /healthz HTTP/1.1\nHost: x\n\n",
    "a tunnel": b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n",
    "a target that is no path": b"GET healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a host that does not end": b"GET http://[::1/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method in small letters": b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without a name": b"GET /healthz HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
async def test_what_is_not_http_1_1_is_400(serve: Serve, line: bytes) -> None:
    async with serve() as connected:
        async with connected() as client:
            await client.send(line)
            status, _, body = await client.answer()
            assert status == 400
            assert is_envelope(body, "malformed_request")
            await ends(client)
        await alive(connected)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"http://x/healthz", 200), (b"http://evil.example/healthz", 200), (b"/healthz#part", 200),
        (b"*", 404), (b"//healthz", 404), (b"/v1/../healthz", 404),
        (b"/v1/files/file-%00", 404), (b"/v1/files/file-%0d%0aX:y", 404), (b"/v1/files/%2F", 404),
        (b"/v1/files/..%2f..%2fetc%2fpasswd", 404), (b"/v1/files/%ed%a0%80", 404), (b"/v1/files/%zz", 404),
        (b"/v1/uploads/upload_%00", 404), (b"/v1/files?after=file-%00", 404),
        (b"/v1/files/" + b"a" * 60_000, 404),
    ],
)  # fmt: skip
async def test_odd_targets_are_found_or_not_found(serve: Serve, target: bytes, status: int) -> None:
    async with serve() as connected, connected() as client:
        for method in (b"GET", b"DELETE") if status == 404 else (b"GET",):
            await client.send(method + b" " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")
            found, _, body = await client.answer()
            assert found in {status, 405}
            assert found == 200 or body.startswith(b'{"error"')


@pytest.mark.parametrize(
    "framing", ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
)
@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
async def test_an_offer_of_another_protocol_is_passed_over(serve: Serve, framing: str, protocol: str) -> None:
    """As Java's client makes with every request."""
    offer = f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMA\r\n".encode()
    async with serve() as connected:
        head = await part_head(connected)
        async with connected() as client:
            for _ in range(2):
                await client.send(head + offer + framing.encode())
                status, _, body = await client.answer()
                assert (status, b'"bytes":3' in body) == (200, True)
                await client.send(HEALTHY.removesuffix(b"\r\n") + offer + b"\r\n" + HEALTHY)
                assert [(await client.answer())[0] for _ in range(2)] == [200, 200]


async def test_an_offer_with_a_large_body_in_pieces_is_passed_over(serve: Serve) -> None:
    offer = {"Connection": "Upgrade", "Upgrade": "h2c", "Content_Length": str(BIG)}
    async with serve() as connected:
        head = await part_head(connected, **offer)
        async with connected() as client:
            await client.send(head[:100])
            await asyncio.sleep(0)
            await client.send(head[100:] + b"\r\n")
            for start in range(0, BIG, 50_000):
                await client.send(bytes(min(50_000, BIG - start)))
            status, _, body = await client.answer()
            assert (status, f'"bytes":{BIG}'.encode() in body) == (200, True)
            await client.send(HEALTHY)
            assert (await client.answer())[0] == 200


async def test_a_thousand_offers_in_one_piece_are_passed_over(serve: Serve) -> None:
    offer = HEALTHY.removesuffix(b"\r\n") + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    async with serve() as connected, connected() as client:
        await client.send(offer * 1000)
        assert {(await client.answer())[0] for _ in range(1000)} == {200}


async def test_another_expectation_is_passed_over(serve: Serve) -> None:
    async with serve() as connected:
        head = await part_head(connected, Content_Length="3", Expect="200-maybe")
        async with connected() as client:
            await client.send(head + b"\r\nabc" + HEALTHY)
            assert [(await client.answer())[0] for _ in range(2)] == [200, 200]


async def test_a_client_of_http_1_0_hears_no_100(serve: Serve) -> None:
    async with serve() as connected:
        head = await part_head(connected, Content_Length="3", Expect="100-continue")
        async with connected() as client:
            await client.send(head.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\nabc")
            assert (await client.answer())[0] == 200
            await ends(client)


@pytest.mark.parametrize("length", [2**63, 2**64 - 1])
async def test_a_length_beyond_any_disk_is_413_at_once(serve: Serve, length: int) -> None:
    async with serve() as connected:
        head = await part_head(connected, Content_Length=str(length))
        async with connected() as client:
            await client.send(head + b"\r\nabc")
            status, _, body = await client.answer()
            assert status == 413
            assert is_envelope(body, "part_too_large")
        await alive(connected)


async def test_long_extensions_of_chunks_are_read_over(serve: Serve) -> None:
    async with serve() as connected:
        head = await part_head(connected, Transfer_Encoding="chunked")
        async with connected() as client:
            await client.send(head + b"\r\n3;" + b"x" * 2_000_000 + b"\r\nabc\r\n0\r\n\r\n")
            status, _, body = await client.answer()
            assert (status, b'"bytes":3' in body) == (200, True)


@pytest.mark.parametrize("lines", [1, 99, 100, 6000])
async def test_a_head_has_a_hundred_lines_at_most(serve: Serve, lines: int) -> None:
    async with serve() as connected, connected() as client:
        await client.send(HEALTHY.removesuffix(b"\r\n") + b"a: 1\r\n" * lines + b"\r\n")
        status, headers, body = await client.answer()
        assert status == (200 if lines < 100 else 431)  # Host is one of them
        assert status == 200 or is_envelope(body, "headers_too_large")
        assert {"date", "x-request-id", "openai-version"} <= set(headers)


@pytest.mark.parametrize(
    ("ranges", "status"),
    [
        (b"-0", 416), (b"-1-5", 200), (b"0-" + b"9" * 5000, 206), (b"9" * 5000 + b"-", 416),
        (b",".join(b"%d-%d" % (at, at) for at in range(0, 10_000, 2)), 200),
        (b",".join([b"0-"] * 10_000), 200), (b",".join([b"0-"] * 100), 206), ("0-٣".encode(), 200),
    ],
    ids=["the last none", "two signs", "a huge end", "a huge start", "5000 apart", "10000", "100", "digits"],
)  # fmt: skip
async def test_odd_ranges_are_answered(serve: Serve, ranges: bytes, status: int) -> None:
    async with serve() as connected:
        get = await stored_file(connected, bytes(10_000))
        async with connected() as client:
            for _ in range(2):
                await client.send(get + b"Range: bytes=" + ranges + b"\r\n\r\n")
                assert (await client.answer())[0] == status


async def test_who_closes_its_side_behind_a_request_still_gets_the_answer(serve: Serve) -> None:
    async with serve() as connected:
        get = await stored_file(connected, bytes(BIG))
        small = await part_head(connected, Content_Length="3")
        large = await part_head(connected, Content_Length=str(BIG))
        for request in (
            HEALTHY,
            get + b"\r\n",
            small + b"\r\nabc",
            large + b"\r\n" + bytes(BIG),
            HEALTHY * 3,
            HEALTHY * 50,
        ):
            async with connected() as client:
                await client.send(request)
                client.writer.write_eof()
                for _ in range(request.count(b"/healthz") or 1):
                    assert (await client.answer())[0] == 200
                await ends(client)


@pytest.mark.parametrize("sent", [3, 200_000])
@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_who_closes_its_side_within_a_body_gets_no_answer(
    serve: Serve, sent: int, framing: str
) -> None:
    async with serve() as connected:
        if framing == "length":
            request = await part_head(connected, Content_Length=str(sent + 100)) + b"\r\n" + bytes(sent)
        else:
            head = await part_head(connected, Transfer_Encoding="chunked")
            request = head + b"\r\n%x\r\n" % sent + bytes(sent) + b"\r\n"
        async with connected() as client:
            await client.send(request)
            client.writer.write_eof()
            await ends(client)
        await has_no_part(connected, request)


async def test_what_comes_before_garbage_is_answered_first(serve: Serve) -> None:
    async with serve() as connected:
        head = await part_head(connected, Content_Length="3")
        for request in (HEALTHY, head + b"\r\nabc"):
            async with connected() as client:
                await client.send(request + b"GARBAGE\r\n\r\n")
                assert (await client.answer())[0] == 200
                assert (await client.answer())[0] == 400
                await ends(client)


async def test_nothing_is_answered_behind_a_request_that_asks_to_close(serve: Serve) -> None:
    async with serve() as connected, connected() as client:
        closing = HEALTHY.removesuffix(b"\r\n") + b"Connection: close\r\n\r\n"
        await client.send(closing + HEALTHY)
        assert (await client.answer())[0] == 200
        await ends(client)


async def test_a_reset_in_the_middle_of_an_answer_harms_nobody_else(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as connected:
        get = await stored_file(connected, bytes(16_000_000))
        for _ in range(5):
            async with connected() as client:
                await client.send(get + b"\r\n")
                await client.reader.readuntil(b"\r\n\r\n")
                line = client.writer.get_extra_info("socket")
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await alive(connected)
        async with connected() as client:
            await client.send(get + b"Range: bytes=0-9\r\n\r\n")
            assert (await client.answer())[0] == 206
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
