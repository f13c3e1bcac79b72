"""An offer to change the protocol is declined by going on as if it had not been made (RFC 9110, 7.8).

Java's own client makes one with every request, and `curl --http2` does. The parser takes what comes
after such a head for the other protocol, and would lose the body and every later request.
"""

from collections.abc import Callable, Iterable
from typing import Any

import httptools

FRAMING = (b"content-length", b"transfer-encoding")
"""Headers that say where a body ends."""


def parser_behind_head(protocol: object, headers: Iterable[tuple[bytes, bytes]]) -> Any:
    """A parser that has read a head with these headers, but for the offer, and told `protocol` nothing of
    it, unless that it was all of the message."""
    listener = _Listener(protocol)
    parser = httptools.HttpRequestParser(listener)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    framing = [b"%s: %s\r\n" % header for header in headers if header[0] in FRAMING]
    parser.feed_data(b"".join((b"POST / HTTP/1.1\r\n", *framing, b"\r\n")))
    listener.live = True
    return parser


class _Listener:
    """Hands on to a protocol what a parser finds, once it is `live`; before, the end of a message alone."""

    def __init__(self, protocol: object) -> None:
        self._protocol = protocol
        self.live = False

    def __getattr__(self, name: str) -> Callable[..., None]:
        told: Callable[..., None] = getattr(self._protocol, name)

        def tell(*found: bytes) -> None:
            if self.live or name == "on_message_complete":
                told(*found)

        return tell
