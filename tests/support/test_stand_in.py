"""The server that misbehaves on order does so, on a real connection."""

import gzip
import http.client
import threading
from collections.abc import Iterator

import pytest

from tests.support.answers import Answer, chunked, page, partial, zipped
from tests.support.stand_in import StandIn, keep, stand_in_server

CONTENT = bytes(range(100))
PATH = "/v1/files/file-1/content"
LINE = r"GET /files/file-1/content"


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in_server() as stand_in:
        stand_in.extensions = True
        keep(stand_in, "a.bin", "user_data", CONTENT)
        yield stand_in


@pytest.fixture
def connection(server: StandIn) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection("127.0.0.1", int(server.url.split(":")[2].split("/")[0]), timeout=60)
    yield opened
    opened.close()


def get(connection: http.client.HTTPConnection, **headers: str) -> http.client.HTTPResponse:
    connection.request(
        "GET", PATH, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    return connection.getresponse()


def test_orders_are_served_in_turn_then_the_truth(server: StandIn, connection: http.client.HTTPConnection):
    server.answers(LINE, Answer(status=503), lambda asked: page(404), lambda asked: None)
    found = []
    for _ in range(4):
        answer = get(connection)
        found.append((answer.status, answer.read()))
    assert found == [(503, b""), (404, b"default backend - 404"), (200, CONTENT), (200, CONTENT)]
    assert len({asked.caller for asked in server.requests}) == 1


def test_the_last_order_may_stay(server: StandIn, connection: http.client.HTTPConnection):
    server.answers(LINE, Answer(status=500), Answer(status=502), forever=True)
    statuses = []
    for _ in range(4):
        answer = get(connection)
        answer.read()
        statuses.append(answer.status)
    assert statuses == [500, 502, 502, 502]


def test_ranges_are_right_until_a_test_lies(server: StandIn, connection: http.client.HTTPConnection):
    server.answers(LINE, lambda asked: None, partial(CONTENT, 0, 5, content_range="bytes 5-9/100"))
    true = get(connection, Range="bytes=5-9")
    assert (true.status, true.getheader("Content-Range"), true.read()) == (
        206,
        "bytes 5-9/100",
        CONTENT[5:10],
    )
    lie = get(connection, Range="bytes=5-9")
    assert (lie.status, lie.getheader("Content-Range"), lie.read()) == (206, "bytes 5-9/100", CONTENT[:5])
    assert [asked.range for asked in server.requests] == [(5, 9), (5, 9)]


def test_a_body_is_cut_by_fin(server: StandIn, connection: http.client.HTTPConnection):
    server.answers(LINE, Answer(body=[CONTENT[:30], CONTENT[30:]], cut=40))
    with pytest.raises(http.client.IncompleteRead) as cut:
        get(connection).read()
    assert cut.value.partial == CONTENT[:40]


def test_a_connection_is_reset(server: StandIn, connection: http.client.HTTPConnection):
    server.answers(LINE, Answer(body=CONTENT, cut=0, by="RST"))
    with pytest.raises(ConnectionResetError):
        get(connection).read()


def test_a_piece_that_is_a_function_is_waited_for(server: StandIn, connection: http.client.HTTPConnection):
    gate = threading.Event()
    server.answers(LINE, chunked(CONTENT[:10], lambda: gate.wait(60), CONTENT[10:]))
    answer = get(connection)
    assert answer.read(10) == CONTENT[:10]
    gate.set()
    assert answer.read() == CONTENT[10:]


def test_an_order_at_the_head_leaves_the_body_unread(server: StandIn, connection: http.client.HTTPConnection):
    server.answers("POST /files", Answer(status=413), unread=True)
    connection.putrequest("POST", "/v1/files")
    connection.putheader("Content-Length", "1000000")
    connection.endheaders()
    assert connection.getresponse().status == 413
    assert server.requests[0].body == b""


def test_codings_and_heads_are_as_ordered(server: StandIn, connection: http.client.HTTPConnection):
    server.answers(
        LINE, zipped(CONTENT), Answer(head=b"HTTP/1.1 299 Odd\r\ncontent-length: 3\r\n\r\n", body=b"abc")
    )
    coded = get(connection)
    assert coded.getheader("Content-Encoding") == "gzip"
    assert gzip.decompress(coded.read()) == CONTENT
    odd = get(connection)
    assert (odd.status, odd.read()) == (299, b"abc")
