"""Tells systemd that the service is ready, or stops: what `Type=notify` waits for.

One datagram to the socket that NOTIFY_SOCKET names, by the protocol of sd_notify(3). Without it nobody asked.
"""

import os
import socket
from typing import Final

import structlog

log = structlog.get_logger("heavylift.server")

VARIABLE: Final = "NOTIFY_SOCKET"


def notify(*lines: str) -> None:
    """Send these assignments, such as READY=1. Where nobody takes them the service serves all the same."""
    place = os.environ.get(VARIABLE)
    if not place:
        return
    address = f"\0{place[1:]}" if place.startswith("@") else place  # an abstract name
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto("\n".join(lines).encode(), address)
    except OSError as error:
        log.warning("server.systemd_not_told", socket=place, reason=str(error))
