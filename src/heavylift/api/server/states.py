"""The states of one HTTP/1.1 connection: the theory, and the table.

Theory. A connection has one request under way at most. What comes behind it waits, a little of it here, the
rest in the kernel, and is looked at once the answer is written. A state says what the bytes that come are
taken for, who owns the socket, and which clock runs. The answer is written in BODY, ANSWER or SEND; whether
it is the last one (the client asks for it, speaks HTTP/1.0, or the server drains) is the request's `last`.
Whatever cannot be understood is refused, and ends the connection: nobody guesses where the next head begins.

  state   socket      bytes that come      ends with                           clock
  ------  ----------  -------------------  ----------------------------------  --------------------------
  IDLE    loop        begin a head         a byte -> HEAD                      keep_alive, or head_seconds
                                                                               before the first request
  HEAD    loop        are collected        its empty line -> GATHER, BODY,     head_seconds from its first
                                           ANSWER                              byte
  GATHER  loop        are collected        the small body is there, or there   idle_seconds from the head
                                           is no room for it -> BODY
  BODY    loop        go to the cycle      the body's end -> ANSWER;           the handler's
                                           the lane takes it -> POUR;
                                           answered before -> LINGER
  POUR    thread in   are left to it       the body's end -> ANSWER;           the handler's
                                           it gives up -> BODY
  ANSWER  loop        wait, up to AHEAD    written -> IDLE, if last -> CLOSED; the handler's
                                           the lane takes it -> SEND
  SEND    thread out  wait, up to AHEAD    the file's end -> ANSWER            the sender's
  LINGER  loop        are dropped          the body's end -> IDLE;             LINGER_STILL by LINGER_STILL,
                                           too much or too long -> CLOSED      LINGER_SECONDS in all
  DRAIN   loop        are dropped          the client closes -> CLOSED         as LINGER
  CLOSED  nobody                                                               idle_seconds for what was
                                                                               written to be taken

  From every state: refused, or the last answer written before all was read -> DRAIN; client gone -> CLOSED.
  An answer before the end of a body in chunks is a last one: to look for that end would be dear.
  In DRAIN our side is closed already: whoever still sends would else get a reset that destroys the answer.
  Always: while the client does not take what was written nothing new is begun, and after idle_seconds of
  that the connection is aborted. When the server stops, IDLE, HEAD, LINGER and DRAIN end at once.
"""

from enum import Enum, auto
from typing import Final


class State(Enum):
    """What a connection is at. See the table."""

    IDLE = auto()
    HEAD = auto()
    GATHER = auto()
    BODY = auto()
    POUR = auto()
    ANSWER = auto()
    SEND = auto()
    LINGER = auto()
    DRAIN = auto()
    CLOSED = auto()


IDLE, HEAD, GATHER, BODY, POUR, ANSWER, SEND, LINGER, DRAIN, CLOSED = State

ENDS: Final = frozenset({DRAIN, CLOSED})
"""Nothing that comes is a request any more."""

NEXT: Final[dict[State, frozenset[State]]] = {
    IDLE: ENDS | {HEAD},
    HEAD: ENDS | {GATHER, BODY, ANSWER},
    GATHER: ENDS | {BODY},
    BODY: ENDS | {ANSWER, POUR, LINGER},
    POUR: ENDS | {ANSWER, BODY},
    ANSWER: ENDS | {IDLE, SEND},
    SEND: ENDS | {ANSWER},
    LINGER: ENDS | {IDLE},
    DRAIN: frozenset({CLOSED}),
    CLOSED: frozenset(),
}
"""The arrows of the table."""
