"""The supervisor of several workers: starts them, watches them, replaces them, and stops no healthy one.

    state     comes into it by                      serves  its end means
    --------  ------------------------------------  ------  ------------------------------------------
    STARTING  a worker is missing, or to be         no      a start that failed: another, after a pause
              replaced
    SERVING   its first sign of life                yes     a worker is missing: another, after a pause
    LEAVING   its successor serves; all are to stop no      nothing

    From every state: no sign of life for too long, or too long on its way out -> it is killed.

Workers wanted are started whenever fewer than that are STARTING or SERVING. To replace workers (SIGHUP) is
to want one more than that while there are outdated ones, and to let one of them leave whenever there are
more SERVING than wanted. So there is no moment in which fewer serve than should, and a successor that does
not come to serve costs nobody his place.

A pause is none after a worker that had served for STEADY, else it doubles with each death. Where several
die in one pause, it is one. The supervisor gives up only if nobody serves and the last GIVE_UP starts
failed. Lives are counted in ticks of its own clock: if it stood still itself, with all the others, nobody
is taken for dead for that.
"""

import asyncio
import signal
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

import structlog

from heavylift.api.running.board import Board
from heavylift.api.running.listening import BACKLOG, CannotServe, Listening
from heavylift.api.running.single import BY_SIGNAL, FAILED, HARMLESS, STOPS
from heavylift.api.running.worker import DRAIN, END, RETIRE, Post

log = structlog.get_logger("heavylift.server")

TICK: Final = 1.0

STEADY: Final = 60
"""Ticks. Who served so long was no failed start."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the next start. They double."""

GIVE_UP: Final = 5
"""Starts in a row that failed while nobody served."""

START: Final = 60
"""Ticks that a worker may take at least until it serves: it loads all its code, beside others that do."""

MARGIN: Final = 10
"""Ticks that a worker may take longer than the grace to stop: it cuts off what is left, closes its stores."""


class State(Enum):
    """See above."""

    STARTING = auto()
    SERVING = auto()
    LEAVING = auto()


@dataclass(slots=True, kw_only=True, eq=False)
class Worker:
    """One process. Ticks: `silent` since its last sign of life, `served` since its first, `leaving` since
    it was told to go, which may take `patience`."""

    process: subprocess.Popen[bytes]
    orders: socket.socket
    seat: int
    state: State = State.STARTING
    outdated: bool = False
    killed: bool = False
    silent: int = 0
    served: int = 0
    leaving: int = 0
    patience: float = 0.0

    def leave(self, order: bytes, patience: float) -> None:
        """Tell it to go. One that has ended meanwhile need not hear it."""
        self.state, self.leaving, self.patience = State.LEAVING, 0, patience
        with suppress(OSError):
            self.orders.send(order)

    def tick(self) -> None:
        """A second has passed."""
        self.silent += 1
        self.served += self.state is State.SERVING
        self.leaving += self.state is State.LEAVING

    def overdue(self, bound: float) -> str | None:
        """Why it is to be killed, if it is."""
        if self.killed:
            return None
        if self.silent > (max(bound, START) if self.state is State.STARTING else bound):
            return f"no sign of life for {self.silent} seconds"
        if self.state is State.LEAVING and self.leaving > self.patience:
            return f"still there {self.leaving} seconds after it was told to end"
        return None


class Pauses:
    """How long to wait before the next start."""

    def __init__(self) -> None:
        self._next = 0.0

    def after(self, served: int) -> float:
        """Seconds, after the end of a worker that had served for so many."""
        if served >= STEADY:
            self._next = 0.0
            return 0.0
        self._next = min(max(2 * self._next, FIRST_PAUSE), LONGEST_PAUSE)
        return self._next


class Supervisor:
    """Runs the workers. `reload` reads the settings anew; it says what is wrong itself, and gives None."""

    def __init__(
        self,
        app: str,
        listening: Listening,
        bound: socket.socket,
        *,
        reload: Callable[[], Listening | None],
        announce: Callable[[], None],
        withdraw: Callable[[], None],
    ) -> None:
        self._app, self._listening, self._bound = app, listening, bound
        self._reload, self._announce, self._withdraw = reload, announce, withdraw
        self._board = Board.new(3 * listening.workers + 1)  # those that leave may still be there
        self._workers: list[Worker] = []
        self._pauses = Pauses()
        self._pause: asyncio.TimerHandle | None = None
        self._failed = 0
        self._signals = 0
        self._announced = False
        self._status: int | None = None
        self._over = asyncio.Event()

    async def run(self) -> int:
        """Until told to stop. The exit status."""
        loop = asyncio.get_running_loop()
        for number in STOPS:
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._replace_all)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        for number in HARMLESS:
            signal.signal(number, signal.SIG_IGN)
        self._bound.listen(BACKLOG)  # who connects before a worker serves waits, and is not refused
        self._adjust()
        while not self._over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), TICK)
            self._tick()
        return self._status or 0

    # what happens

    def _tick(self) -> None:
        for worker in self._workers:
            worker.tick()
            if reason := worker.overdue(self._listening.worker_timeout):
                log.error("worker.killed", pid=worker.process.pid, reason=reason)
                worker.killed = True
                worker.process.kill()

    def _heard(self, worker: Worker) -> None:
        try:
            said = worker.orders.recv(4096)
        except OSError:
            said = b""
        if not said:  # its end follows
            asyncio.get_running_loop().remove_reader(worker.orders)
            return
        worker.silent = 0
        if worker.state is State.STARTING:
            worker.state = State.SERVING
            self._failed = 0
            log.info("worker.serves", pid=worker.process.pid)
            if not self._announced:
                self._announced = True
                self._announce()
            self._adjust()

    def _reap(self) -> None:
        for worker in list(self._workers):
            status = worker.process.poll()
            if status is not None:
                self._workers.remove(worker)
                asyncio.get_running_loop().remove_reader(worker.orders)
                worker.orders.close()
                self._board.clear(worker.seat)
                self._mourn(worker, status)
        self._adjust()

    def _mourn(self, worker: Worker, status: int) -> None:
        """One has ended: say so, and see what that means."""
        pid = worker.process.pid
        if worker.state is State.LEAVING:
            log.info("worker.left", pid=pid, status=status)
            return
        log.error("worker.died", pid=pid, status=status, served_seconds=worker.served)
        if worker.state is State.STARTING and any(other.outdated for other in self._workers):
            log.error("server.reload_failed", hint="the workers of before go on")
            for other in self._workers:
                other.outdated = False
        if self._pause is not None:
            return
        seconds = self._pauses.after(worker.served)
        if worker.state is State.STARTING and not self._in(State.SERVING):
            self._failed += 1
            if self._failed >= GIVE_UP:
                log.error("server.gave_up", starts=self._failed)
                self._leave(END, patience=MARGIN, status=FAILED)
                return
        if seconds:
            log.info("worker.restarts", seconds=seconds)
            self._pause = asyncio.get_running_loop().call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._adjust()

    def _stop(self, number: int) -> None:
        self._signals += 1
        if self._signals == 1:
            self._leave(DRAIN, patience=self._listening.stop_grace + MARGIN, status=0)
        else:
            self._leave(END, patience=MARGIN, status=BY_SIGNAL + number)

    def _replace_all(self) -> None:
        listening = self._reload()
        if listening is None or self._status is not None:
            return
        try:
            listening.certificate()
        except CannotServe as error:
            log.error("server.reload_refused", reason=str(error))
            return
        kept = self._listening
        self._listening = replace(listening, host=kept.host, port=kept.port, workers=kept.workers)
        log.info("server.reloading", workers=len(self._workers))
        for worker in self._workers:
            worker.outdated = True
        self._adjust()

    # what is done about it

    def _in(self, *states: State) -> list[Worker]:
        return [worker for worker in self._workers if worker.state in states]

    def _adjust(self) -> None:
        """Start who is missing; let go who is one too many."""
        if self._status is not None:
            if not self._workers:
                self._over.set()
            return
        serving = self._in(State.SERVING)
        outdated = [worker for worker in serving if worker.outdated]
        if outdated and len(serving) > self._listening.workers:
            times = self._listening
            outdated[0].leave(RETIRE, times.keep_alive + times.stop_grace + MARGIN)
        staying = self._in(State.STARTING, State.SERVING)
        wanted = self._listening.workers + any(worker.outdated for worker in staying)
        taken = {worker.seat for worker in self._workers}
        free = [seat for seat in range(self._board.seats) if seat not in taken]
        if self._pause is None:
            for seat in free[: max(0, wanted - len(staying))]:
                self._start(seat)

    def _start(self, seat: int) -> None:
        ours, theirs = socket.socketpair()
        post = Post(
            app=self._app, listening=self._listening, listener=self._bound.fileno(),
            supervisor=theirs.fileno(), board=self._board.descriptor, seats=self._board.seats, seat=seat,
        )  # fmt: skip
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # which the worker inherits
        try:
            process = subprocess.Popen(  # noqa: S603 - this interpreter, and words of ours
                post.command(), pass_fds=post.descriptors, stdin=subprocess.DEVNULL
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            theirs.close()
        ours.setblocking(False)
        worker = Worker(process=process, orders=ours, seat=seat)
        self._workers.append(worker)
        log.info("worker.started", pid=process.pid)
        asyncio.get_running_loop().add_reader(ours, self._heard, worker)

    def _leave(self, order: bytes, *, patience: float, status: int) -> None:
        """Let all go."""
        self._withdraw()
        self._status = status
        self._bound.close()  # theirs are what is left of it
        if self._pause is not None:
            self._pause.cancel()
        for worker in self._workers:
            worker.leave(order, patience)
        self._adjust()
