"""The server's side of one HTTP/1.1 connection: an asyncio protocol. Its table stands in states.py."""

import asyncio
from collections.abc import Callable
from typing import Final

from heavylift.api.body import WATCH, WHOLE
from heavylift.api.lane import EXTENSION, SUPPORTED, Lane
from heavylift.api.server import bounds
from heavylift.api.server.bounds import AHEAD, SMALL
from heavylift.api.server.cycle import STATUS, Cycle, scope_of
from heavylift.api.server.framing import Chunked, Fixed, Framing
from heavylift.api.server.heads import Head, Refused, parsed
from heavylift.api.server.inbox import Dropping, Inbox
from heavylift.api.server.link import Host, Link
from heavylift.api.server.refusing import crowded, date, refusal, too_late
from heavylift.api.server.states import (
    ANSWER,
    BODY,
    CLOSED,
    DRAIN,
    ENDS,
    GATHER,
    HEAD,
    IDLE,
    LINGER,
    POUR,
    SEND,
    State,
)  # fmt: skip


class Connection(Link):
    """One connection. See the table."""

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(host, loop)
        self._framing: Framing | None = None  # of the request's body, until that is over
        self._lacks = 0  # the size of a small body that is still to be gathered
        self._inbox = Inbox(host.shared.budget, self._bounds.head_bytes)
        self._dropping: Dropping | None = None
        self._busy = self._again = False  # using what has come; about to, in the loop's next turn

    # What the transport tells.

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._inbox.clear()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._shared.scratch[: max(self._room(), 1024)]

    def buffer_updated(self, nbytes: int) -> None:
        if self.state is LINGER and type(self._framing) is Fixed and nbytes < self._framing.left:
            self._framing.left -= nbytes
            self._drop(nbytes)
            return
        self._inbox.add(bytes(self._shared.scratch[:nbytes]))
        self._read_on()

    def eof_received(self) -> bool:
        """A client that says nothing more after its request still gets the answer to it. Not over TLS, which
        cannot be half closed here, and not where the work is too dear to do for nobody."""
        self._ended = True
        watched = self.cycle is not None and self.cycle.watched
        owed = self.state in {ANSWER, SEND} or self._goes_on()
        owed = owed and self.plain and not (watched or self.transport.is_closing())
        if not owed:
            self._leave()
        return owed

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.state not in ENDS:
            self._read_on()

    # What the server tells.

    def shutdown(self) -> None:
        """The server stops: what is idle ends now, else behind the answer that is under way."""
        self._stopping = True
        if self.cycle is None:
            self.close()
        else:
            self.cycle.last = True

    # What comes in.

    def _read_on(self) -> None:
        """Use what has come, as far as it may be used now. Who answers comes back here, and is not nested."""
        if self._busy:
            return
        self._busy, self._again, turns = True, False, bounds.TURN
        try:
            while self._inbox.data and (step := self._steps.get(self.state)) and step(self):
                turns -= 1
                if not turns:
                    if self._inbox.data and self.state in self._steps:
                        self._again = True
                        self._loop.call_soon(self._read_on)
                    break
        except Refused as why:
            self.refuse(why)
        finally:
            self._busy = False
        if self._ended and self.state in {IDLE, HEAD, GATHER, BODY} and not self._goes_on():
            self.close()
        self.pace()

    def _goes_on(self) -> bool:
        """Whether there is more to be made of what has come, even if nothing else comes."""
        full = self.cycle is not None and self.cycle.kept >= bounds.BODY_AHEAD
        return bool(self._inbox.data) and (self._again or full or self._writable is not None)

    def proceed(self) -> None:
        """There is room again for what has come, or for more."""
        if self._inbox.data:
            self._read_on()
        else:
            self.pace()

    def _room(self) -> int:
        """How many bytes there is use for now."""
        state = self.state
        if state is IDLE or state is ANSWER or state is SEND:
            return AHEAD - len(self._inbox)
        if state is BODY:
            assert self.cycle is not None
            most = bounds.READ if self.cycle.begun else AHEAD
            return most - len(self._inbox) if self.cycle.kept < bounds.BODY_AHEAD else 0
        if state is HEAD:
            return AHEAD
        if state is GATHER:
            return SMALL
        return bounds.READ if state is LINGER or state is DRAIN else 0

    def _take_head(self) -> bool:
        """Cut a head off and begin its request. Whether to go on."""
        if self._writable is not None:
            return False
        if self.state is IDLE:
            if not self._inbox.begins():
                return False
            self._enter(HEAD)
        raw = self._inbox.cut()
        if raw is None:
            if not self._inbox.unfinished:
                self._clock.move(self._bounds.head_seconds)
            if not self._inbox.count(len(self._inbox)):
                raise crowded()
            return False
        self._inbox.count(0)
        self._begin(parsed(raw))
        return True

    def _begin(self, head: Head) -> None:
        """A whole head: its request begins, unless its small body is worth waiting for."""
        server, client = self._addresses
        scheme = "http" if self.plain else "https"
        scope = scope_of(head, root=self._host.root_path, scheme=scheme, server=server, client=client)
        scope["state"] = self._host.state.copy()
        more = head.length != 0
        self.cycle = cycle = Cycle(self, head, scope, more=more)
        scope["state"][WATCH], scope["extensions"] = cycle.watch, {}
        cycle.last = cycle.last or self._stopping or self._host.leaving()
        if not more:
            self._enter(ANSWER)
        else:
            self._framing = Chunked(self._bounds.head_bytes) if head.length is None else Fixed(head.length)
            if head.length is not None and head.length <= SMALL and not cycle.waiting:
                self._lacks = head.length
                self._enter(GATHER)
                self._clock.move(self._bounds.idle_seconds)
                return
            self._enter(BODY)
        if self.plain and SUPPORTED and self._bounds.lane:
            scope["extensions"][EXTENSION] = Lane(self, cycle)
        self._host.begin(self, cycle)

    def _gather(self) -> bool:
        """Wait for the whole of a small body, if there is room for it."""
        assert self.cycle is not None
        if len(self._inbox) < self._lacks and self._inbox.count(len(self._inbox)):
            return False
        self._inbox.count(0)
        self._enter(BODY)
        self._take_body()
        if not self.cycle.more:
            self.cycle.scope["extensions"][WHOLE] = True
        self._host.begin(self, self.cycle)
        return True

    def _take_body(self) -> bool:
        """The cycle's body, out of its frame. Whether to go on."""
        assert self.cycle is not None
        payload, used, over = self._unframe()
        if over:
            self._enter(ANSWER)
        self.cycle.feed(payload, over=over)
        return used > 0 and self.cycle.kept < bounds.BODY_AHEAD

    def _unframe(self) -> tuple[bytes, int, bool]:
        assert self._framing is not None
        payload, used, over = self._inbox.unframe(self._framing)
        if over:
            self._framing = None
        return payload, used, over

    def _linger(self) -> bool:
        """What comes of the body of a request that is answered. Whether to go on."""
        _, used, over = self._unframe()
        if over:
            self._idle()
        else:
            self._drop(used)
        return used > 0

    def _part(self) -> bool:
        """What comes behind the last answer."""
        self._drop(self._inbox.clear())
        return False

    def _drop(self, count: int) -> None:
        assert self._dropping is not None
        still = self._dropping.take(count, now=self._loop.time())
        if still:
            self._clock.move(still)
        else:
            self.close()

    # What goes out.

    def lead(self, status: int) -> bytes:
        """How an answer begins."""
        return b"HTTP/1.1 %s\r\n%s" % (STATUS.get(status) or b"%d " % status, date.line())

    def answered(self, cycle: Cycle) -> None:
        """The answer is written: on to the next request, or to the end."""
        if cycle is not self.cycle:
            return
        self.cycle = None
        self._host.count()
        if self.state in ENDS or self.transport.is_closing():
            return
        if cycle.last or self._stopping:
            self._end(unread=self.state is BODY or bool(self._inbox.data))
        elif self.state is BODY:
            self._enter(LINGER)
            self._begin_dropping()
            self.proceed()
        else:
            self._idle()
            if self._inbox.data or self._ended or not self._reading:
                self._read_on()

    def _idle(self) -> None:
        self._enter(IDLE)
        self._clock.move(self._bounds.keep_alive)

    def _end(self, *, unread: bool) -> None:
        """The last answer is written. Who may still be sending gets to read it."""
        self._framing = None
        self._inbox.clear()
        if self._ended or not (unread or not self._reading):
            self.close()
            return
        self._enter(DRAIN)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._begin_dropping()
        self.pace()

    def _begin_dropping(self) -> None:
        still = bounds.LINGER_STILL if self.plain else bounds.PARTING_STILL
        self._dropping = Dropping(now=self._loop.time(), still=still)
        self._clock.move(still)

    def refuse(self, why: Refused) -> None:
        """Answer what is no request, or no whole one, and end the connection."""
        cycle, self.cycle = self.cycle, None
        if cycle is not None:  # what its handler says goes nowhere
            cycle.disconnect()
        if self.state in ENDS or self.transport.is_closing():
            return
        if cycle is None or not cycle.started:
            self.write(self.lead(why.status) + refusal(why))
        self._end(unread=True)

    def abandoned(self, cycle: Cycle) -> None:
        """Its handler has ended and left the answer unfinished."""
        if cycle is self.cycle and not cycle.complete:
            self.close()

    # For threads that take the socket over.

    def pour(self) -> tuple[bytes, int]:
        """From now on a thread takes the body. What has come of it already, and how much is still to come."""
        assert self.cycle is not None
        assert isinstance(self._framing, Fixed)
        self._enter(POUR)
        self.pace()
        self.cycle.give_leave()
        return self.cycle.take(), self._framing.left

    def poured(self, count: int) -> None:
        """The thread has ended, and taken so much."""
        if self.state is not POUR:
            return
        assert self.cycle is not None
        assert isinstance(self._framing, Fixed)
        self._framing.left -= count
        over = not self._framing.left
        self._enter(ANSWER if over else BODY)
        if over:
            self._framing = None
            self.cycle.feed(b"", over=True)
        self.pace()

    def lend(self) -> None:
        """From now on a thread sends."""
        self._enter(SEND)

    def returned(self) -> None:
        """It has ended."""
        if self.state is SEND:
            self._enter(ANSWER)

    # What holds it together.

    def _late(self) -> None:
        """The deadline has passed. Other states than these have clocks of their own."""
        if self.state in {LINGER, DRAIN} or (self.state is IDLE and self._writable is None):
            self.close()  # what waits for the client has that state's time
        elif self._writable is not None or self.state is CLOSED:
            self.hang_up()
        elif self.state is HEAD:
            self.refuse(too_late("The request's headers", self._bounds.head_seconds))
        elif self.state is GATHER:
            self.refuse(too_late("The body", self._bounds.idle_seconds))

    _steps: Final[dict[State, Callable[["Connection"], bool]]] = {
        IDLE: _take_head,
        HEAD: _take_head,
        GATHER: _gather,
        BODY: _take_body,
        LINGER: _linger,
        DRAIN: _part,
    }
    """What is done with the bytes that have come. In the other states they wait."""
