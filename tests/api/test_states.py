"""The table of a connection's states, entered row by row without a socket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from heavylift.api.server import bounds
from heavylift.api.server.bounds import STATE, Bounds, Shared
from heavylift.api.server.states import ENDS, NEXT, State
from tests.api.loopback import Spoken
from tests.fakes import PATIENCE

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = bounds.SMALL + 1

Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


def post(length: int, *lines: bytes) -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % length
    return head + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


async def say(send: Any, body: bytes = b"ok", *, status: int = 200) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


async def refuse(_: Scope, receive: Any, send: Any) -> None:
    """Answers without reading."""
    await say(send, b"no", status=413)


async def echo(_: Scope, receive: Any, send: Any) -> None:
    """Answers with the body."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    await say(send, body)


class Held:
    """An application that waits until it is let go, and counts."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = 0

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        self.begun += 1
        await self.go.wait()
        await say(send)


def speaking(app: App, *, shared: Shared | None = None, **given: Any) -> Spoken:
    limits = {"head_bytes": 4096, "head_seconds": 20.0, "idle_seconds": 20.0, "lane": False} | given
    return Spoken(app, {STATE: shared or Shared(bounds=Bounds(**limits))})


async def until(spoken: Spoken, state: State) -> None:
    async with asyncio.timeout(PATIENCE):
        while spoken.connection.state is not state:
            await asyncio.sleep(0.005)


def test_every_state_stands_in_the_table_and_can_end() -> None:
    assert set(NEXT) == set(State)
    assert all(ends >= ENDS for state, ends in NEXT.items() if state not in ENDS)
    reached = {State.IDLE}.union(*NEXT.values())
    assert reached == set(State)


async def test_the_whole_of_a_small_body_is_there_when_its_handler_begins() -> None:
    seen = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        receiving = receive()
        with pytest.raises(StopIteration) as got:
            receiving.send(None)
        seen.append((got.value.value["body"], dict(scope["extensions"])))
        await say(send)

    spoken = speaking(app)
    await spoken.say(post(3) + b"a")
    assert spoken.connection.state is State.GATHER
    assert not spoken.counts.tasks
    await spoken.say(b"bc")
    assert (await spoken.answer())[0] == 200
    assert seen == [(b"abc", {"heavylift.whole": True})]
    assert spoken.connection.state is State.IDLE


async def test_a_small_body_for_which_there_is_no_room_is_not_waited_for() -> None:
    shared = Shared(bounds=Bounds(head_bytes=4096, head_seconds=20, idle_seconds=20, lane=False))
    shared.budget.most = 10
    spoken = speaking(echo, shared=shared)
    await spoken.say(post(100) + bytes(50))
    assert spoken.connection.state is State.BODY
    await spoken.say(bytes(50))
    assert (await spoken.answer())[2] == bytes(100)


@pytest.mark.parametrize(
    "begun", [b"1", b"1\r", b"1\r\n", b"1;x", b"1\r\na", b"1\r\na\r", b"0\r\n", b"0\r\nx:"]
)
async def test_a_handler_that_waits_for_the_rest_of_a_chunk_does_not_look_for_it_again_and_again(
    begun: bytes,
) -> None:
    spoken, looks = speaking(echo), 0
    proceed = spoken.connection.proceed

    def counted() -> None:
        nonlocal looks
        looks += 1
        assert looks < 100
        proceed()

    spoken.connection.proceed = counted  # type: ignore[method-assign]
    await spoken.say(CHUNKED + begun)
    await spoken.settle_no_further()
    assert 0 < looks < 10
    whole = next(
        one
        for one in (b"1\r\na\r\n0\r\n\r\n", b"1;x\r\na\r\n0\r\n\r\n", b"0\r\nx:\r\n\r\n")
        if one.startswith(begun)
    )
    await spoken.say(whole.removeprefix(begun))
    assert (await spoken.answer())[0] == 200


async def test_chunks_that_came_before_the_client_closed_its_side_are_all_read() -> None:
    spoken = speaking(echo)
    assert spoken.put(CHUNKED + b"1\r\na\r\n" * 500 + b"0\r\n\r\n") == b""
    assert spoken.connection.eof_received()
    assert (await spoken.answer())[2] == b"a" * 500
    await until(spoken, State.CLOSED)


@pytest.mark.parametrize("piece", [0, 1, 5])
async def test_an_early_answer_leaves_at_once_and_the_rest_of_the_body_is_dropped(piece: int) -> None:
    spoken = speaking(refuse)
    await spoken.say(post(LARGE) + bytes(10))
    assert (await spoken.answer())[0] == 413
    assert spoken.connection.state is State.LINGER
    await spoken.say(bytes(LARGE - 20))
    await spoken.say(bytes(10) + GET, piece=piece)
    assert (await spoken.answer())[0] == 413
    assert spoken.connection.state is State.IDLE


async def test_the_rest_of_a_body_in_chunks_is_dropped_unread_and_ends_the_connection() -> None:
    spoken = speaking(refuse)
    await spoken.say(CHUNKED + b"3\r\nab")
    status, headers, _ = await spoken.answer()
    assert (status, headers["connection"]) == (413, "close")
    assert spoken.connection.state is State.DRAIN
    await spoken.say(b"c\r\nno chunk at all" + GET)
    assert not spoken.transport.closing
    assert not spoken.transport.sent


async def test_who_goes_on_for_too_long_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heavylift.api.server.inbox.LINGER_BYTES", 1000)
    spoken = speaking(refuse)
    await spoken.say(post(10 * LARGE))
    assert (await spoken.answer())[0] == 413
    await spoken.say(bytes(1000))
    assert spoken.connection.state is State.LINGER
    await spoken.say(b"x")
    assert spoken.transport.closing


async def test_who_falls_silent_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LINGER_STILL", 0.01)
    spoken = speaking(refuse)
    await spoken.say(post(LARGE))
    assert (await spoken.answer())[0] == 413
    await until(spoken, State.CLOSED)


async def test_what_is_dropped_may_be_more_than_the_largest_body() -> None:
    from heavylift.domain.limits import Limits

    assert Limits().file_bytes < bounds.LINGER_BYTES > Limits().part_bytes


async def test_who_waits_for_leave_and_is_refused_is_told_that_this_was_all() -> None:
    spoken = speaking(refuse)
    await spoken.say(post(LARGE, b"Expect: 100-continue"))
    status, headers, _ = await spoken.answer()
    assert (status, headers["connection"]) == (413, "close")
    assert spoken.transport.ended
    assert spoken.connection.state is State.DRAIN
    await spoken.say(bytes(LARGE))  # who sends it all the same gets no reset
    assert not spoken.transport.closing
    assert spoken.connection.eof_received() is False


async def test_the_last_answer_before_all_was_read_closes_our_side_alone() -> None:
    spoken = speaking(refuse)
    await spoken.say(post(LARGE, b"Connection: close"))
    assert (await spoken.answer())[0] == 413
    assert spoken.connection.state is State.DRAIN
    assert spoken.transport.ended
    assert not spoken.transport.closing


async def test_no_request_begins_before_the_answer_to_the_one_before() -> None:
    app = Held()
    spoken = speaking(app)
    left = spoken.put(GET * 10_000)
    await spoken.settle_no_further()
    assert app.begun == 1
    assert len(GET * 10_000) - len(left) <= len(GET) + bounds.AHEAD + 1024
    assert not spoken.transport.reading


async def test_nothing_is_begun_for_a_client_that_takes_nothing() -> None:
    app = Held()
    app.go.set()
    spoken = speaking(app)
    spoken.connection.pause_writing()
    await spoken.say(GET)
    await spoken.settle_no_further()
    assert app.begun == 0
    spoken.connection.resume_writing()
    assert (await spoken.answer())[0] == 200


async def test_a_client_that_takes_nothing_for_too_long_is_cut_off() -> None:
    spoken = speaking(refuse, idle_seconds=0.01)
    spoken.connection.pause_writing()
    await until(spoken, State.CLOSED)


@pytest.mark.parametrize("begun", [b"GET", post(10) + b"abc"])
async def test_what_does_not_come_whole_in_time_is_408(begun: bytes) -> None:
    spoken = speaking(refuse, head_seconds=0.01, idle_seconds=0.01)
    await spoken.say(begun)
    status, headers, _ = await spoken.answer()
    assert status == 408
    assert {"date", "x-request-id", "openai-version"} <= set(headers)


async def test_unfinished_heads_are_bounded_for_all_connections_together() -> None:
    shared = Shared(bounds=Bounds(head_bytes=4096, head_seconds=20, idle_seconds=20))
    shared.budget.most = 10_000
    begun = [speaking(refuse, shared=shared) for _ in range(20)]
    for spoken in begun:
        await spoken.say(b"GET / HTTP/1.1\r\nX: " + b"y" * 1000)
    refused = [spoken for spoken in begun if spoken.transport.ended]
    assert len(refused) == 11
    assert (await refused[0].answer())[0] == 503
    assert shared.budget.taken <= 10_000
    honest = speaking(refuse, shared=shared)
    await honest.say(GET)
    assert (await honest.answer())[0] == 413
    for spoken in begun:
        spoken.connection.connection_lost(None)
    assert shared.budget.taken == 0


async def test_chunks_of_one_byte_leave_the_loop_to_others() -> None:
    turns = 0
    spoken = speaking(echo)
    count = 20 * bounds.CHUNKS
    await spoken.say(CHUNKED)
    rest = spoken.put(b"1\r\nx\r\n" * count)
    while spoken.connection.cycle is not None and (rest or turns < 20):
        await asyncio.sleep(0)
        rest, turns = spoken.put(rest), turns + 1
    assert turns >= 20
    await spoken.say(b"0\r\n\r\n")
    assert (await spoken.answer())[2] == b"x" * count


async def test_trailers_are_no_headers() -> None:
    seen = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        seen.append(scope["headers"])
        await say(send)

    spoken = speaking(app)
    await spoken.say(CHUNKED + b"0\r\nAuthorization: Bearer x\r\nContent-MD5: y\r\n\r\n")
    assert (await spoken.answer())[0] == 200
    assert seen == [[(b"host", b"x"), (b"transfer-encoding", b"chunked")]]


@pytest.mark.parametrize("lines", [100, 101])
async def test_trailers_have_a_hundred_lines_at_most(lines: int) -> None:
    spoken = speaking(echo)
    await spoken.say(CHUNKED + b"0\r\n" + b"X: y\r\n" * lines + b"\r\n")
    assert (await spoken.answer())[0] == (200 if lines == 100 else 431)


async def test_a_client_that_leaves_is_told_to_the_handler() -> None:
    seen = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        seen.append((await receive())["type"])
        seen.append((await receive())["type"])

    spoken = speaking(app)
    await spoken.say(CHUNKED + b"1\r\nx\r\n")
    await asyncio.sleep(0)
    spoken.transport.close()
    await spoken.settle()
    assert seen == ["http.request", "http.disconnect"]


async def test_a_stop_ends_what_is_idle_and_lets_go_behind_the_answer() -> None:
    app = Held()
    idle, busy = speaking(refuse), speaking(app)
    await busy.say(GET)
    for spoken in (idle, busy):
        spoken.connection.shutdown()
    assert idle.transport.closing
    assert not busy.transport.closing
    app.go.set()
    _, headers, _ = await busy.answer()
    assert headers["connection"] == "close"
    assert busy.transport.closing


async def test_a_handler_that_leaves_its_answer_unfinished_ends_the_connection() -> None:
    async def app(scope: Scope, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"torso", "more_body": True})

    spoken = speaking(app)
    await spoken.say(GET)
    await spoken.settle()
    assert bytes(spoken.transport.sent).endswith(b"torso")
    assert spoken.transport.closing
