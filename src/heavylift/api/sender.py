"""A thread that sends to many clients at once: it waits for all of their sockets together."""

import asyncio
import os
import select
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Final

from heavylift.api.body import ClientGone
from heavylift.api.laneout import Writer
from heavylift.api.turns import Turn
from heavylift.service.waiting import ended

ROOM: Final = select.EPOLLOUT | select.EPOLLONESHOT if sys.platform == "linux" else 0
"""Told once when a socket has room, at once if it has: a signal, too, lets sendfile end before its time."""


class Sender:
    """Pushes writers in turn, those that can be pushed. The thread starts with the first of them.

    One hand-over there and one back for each answer, however often its socket fills up.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._arrivals: deque[_Sending] = deque()
        self._bell = -1
        self._epoll: select.epoll

    async def send(self, writer: Writer, *, idle: float) -> None:
        """Send all of it. Raises what `writer` raises, and ClientGone if nothing moves for `idle` seconds.

        When it returns or raises, also by cancellation, the thread has let go of the writer.
        """
        sending = _Sending(writer, asyncio.get_running_loop())
        self._hand_over(sending)
        watch = sending.loop.call_later(idle, self._watch, sending, idle)
        try:
            await sending.over
        except asyncio.CancelledError:
            if not sending.told:
                sending.over = sending.loop.create_future()  # the one before is cancelled
                self._drop(sending)
                await ended(sending.over)
            if not sending.over.cancelled():
                sending.over.exception()  # seen, and outdone by the cancellation
            raise
        finally:
            (sending.watch or watch).cancel()

    def _watch(self, sending: "_Sending", idle: float) -> None:
        """Give up a client that has taken nothing for too long, or look again when that may be."""
        left = sending.writer.moved + idle - time.monotonic()
        if left > 0:
            sending.watch = sending.loop.call_later(left, self._watch, sending, idle)
        else:
            self._drop(sending)

    def _drop(self, sending: "_Sending") -> None:
        sending.dropped = True
        self._hand_over(sending)

    def _hand_over(self, sending: "_Sending") -> None:
        if self._bell < 0:
            epoll, bell = select.epoll(), os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            epoll.register(bell, select.EPOLLIN | select.EPOLLET)  # so nobody need read it
            self._epoll, self._bell = epoll, bell
        if self._thread is None:
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            thread.start()  # may fail: then the next answer tries again instead of waiting for nobody
            self._thread = thread
        self._arrivals.append(sending)
        os.eventfd_write(self._bell, 1)

    # in the thread

    def _run(self) -> None:
        waiting: dict[int, _Sending] = {}
        ready: deque[_Sending] = deque()
        while True:
            for descriptor, _ in self._epoll.poll(0 if ready else None):
                if descriptor in waiting:
                    ready.append(waiting.pop(descriptor))
            while self._arrivals:
                sending = self._arrivals.popleft()
                waiting.pop(sending.descriptor, None)
                ready.append(sending)
            for _ in range(len(ready)):
                sending = ready.popleft()
                turn = sending.advance(self._epoll)
                if turn is Turn.BLOCKED:
                    waiting[sending.descriptor] = sending
                elif turn is Turn.USED_UP:
                    ready.append(sending)


class _Sending:
    """One writer on its way through the thread, and the loop that waits for it."""

    def __init__(self, writer: Writer, loop: asyncio.AbstractEventLoop) -> None:
        self.writer = writer
        self.loop = loop
        self.descriptor = writer.descriptor
        self.over: asyncio.Future[None] = loop.create_future()
        self.watch: asyncio.TimerHandle | None = None
        self.dropped = False
        self.told = False
        self._ended = False
        self._registered = False

    def advance(self, epoll: "select.epoll") -> Turn:
        """One turn, in the thread. DONE when there is nothing more to do for it, whatever the reason."""
        if self._ended:  # dropped at the very moment when it was over
            return Turn.DONE
        error: Exception | None = None
        try:
            turn = self._push(epoll)
        except Exception as raised:  # for whoever waits, who gets it raised; the thread goes on
            turn, error = Turn.DONE, raised
        if turn is Turn.DONE:
            self._end(epoll, error)
        return turn

    def _push(self, epoll: "select.epoll") -> Turn:
        if self.dropped:
            raise ClientGone
        turn = self.writer.push()
        if turn is Turn.BLOCKED:
            (epoll.modify if self._registered else epoll.register)(self.descriptor, ROOM)
            self._registered = True
        return turn

    def _end(self, epoll: "select.epoll", error: Exception | None) -> None:
        self._ended = True
        if self._registered:
            epoll.unregister(self.descriptor)
        with suppress(RuntimeError):  # the loop is closed, so nobody waits
            self.loop.call_soon_threadsafe(self._tell, error)

    def _tell(self, error: Exception | None) -> None:
        """In the loop: to the future that is waited for now, unless that was cancelled a moment ago."""
        self.told = True
        if self.over.cancelled():
            return
        if error is None:
            self.over.set_result(None)
        else:
            self.over.set_exception(error)
