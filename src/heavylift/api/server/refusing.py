"""What a connection answers by itself, in the envelope and in the log: what never comes to a handler."""

import time
from email.utils import formatdate

import structlog

from heavylift.api.errors import envelope
from heavylift.api.frame import OPENAI_VERSION
from heavylift.api.server.heads import Refused
from heavylift.domain import ids

log = structlog.get_logger("heavylift.request")


class Date:
    """The header line `date`, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._line = b""

    def line(self) -> bytes:
        """The line of now."""
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._line = b"date: %s\r\n" % formatdate(now, usegmt=True).encode("ascii")
        return self._line


date = Date()


def refusal(why: Refused) -> bytes:
    """An answer's header lines, behind the date, and its body."""
    body = envelope(why.status, why.message, code=why.code)
    request_id = ids.new_request_id(now=time.time())
    log.info("request.refused", request_id=request_id, status=why.status, reason=why.message)
    return b"".join(
        (
            b"content-type: application/json\r\n",
            b"content-length: %d\r\n" % len(body),
            b"x-request-id: %s\r\n" % request_id.encode("ascii"),
            b"openai-processing-ms: 0\r\n",
            b"openai-version: %s\r\n" % OPENAI_VERSION,
            b"connection: close\r\n\r\n",
            body,
        )
    )


def too_late(what: str, seconds: float) -> Refused:
    """Of a request that was begun and not ended in time."""
    return Refused(408, f"{what} took more than {seconds:g} seconds. Send it again.", "request_timeout")


def crowded() -> Refused:
    """Of one of too many that were begun and have not ended."""
    message = "Too many requests have begun and not ended. Send it again, all at once."
    return Refused(503, message, "unfinished_requests")
