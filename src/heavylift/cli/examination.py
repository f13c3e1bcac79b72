"""The checks of `heavylift doctor`, one after the other, through the SDK and past it."""

import os
import re
import threading
import time
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Final

from heavylift.cli import probes
from heavylift.cli.amounts import show_bytes
from heavylift.cli.connection import Server
from heavylift.cli.failures import explained, in_words_of_commands
from heavylift.cli.probes import MIB, Finding
from heavylift.client import checksums, errors
from heavylift.client.calls import Answer
from heavylift.client.client import Heavylift
from heavylift.client.hooks import HookContext, Hooks
from heavylift.client.proxies import proxy_for
from heavylift.client.retries import RetryConfig

SILENCE_MS: Final = 15_000
"""Somebody sits and waits: nothing here takes a server so long that is well."""


LONGEST_SECONDS: Final = 120.0
"""Between two findings. Who sends a byte now and then is never silent, and never through either."""


class _Dates(Hooks):
    """Keeps the `Date` header of the last good answer, and when it came."""

    def __init__(self) -> None:
        self.date: str | None = None
        self.came = time.time()

    def after_success(self, context: HookContext, answer: Answer) -> Answer:
        self.date, self.came = answer.headers.get("date"), time.time()
        return answer


def examine(server: Server) -> Iterator[Finding]:
    """All checks, one after the other; those that make no sense after a failure are left out.

    They are made by a thread of their own, which is left behind if a server holds it for too long.
    """
    found: SimpleQueue[Finding | BaseException | None] = SimpleQueue()

    def work() -> None:
        try:
            for finding in _examined(server):
                found.put(finding)
            found.put(None)
        except BaseException as error:
            found.put(error)

    threading.Thread(target=work, name="heavylift-doctor", daemon=True).start()
    while True:
        try:
            one = found.get(timeout=LONGEST_SECONDS)
        except Empty:
            yield _endless(server)
            return
        if one is None:
            return
        if isinstance(one, BaseException):
            raise one
        yield one


def _endless(server: Server) -> Finding:
    return Finding(
        check="server",
        state="failed",
        said=f"{server.url} did not end its answer within {LONGEST_SECONDS:.0f} s",
        remedy="It comes byte by byte. Look at what stands in front of the server, and at its log.",
    )


def _examined(server: Server) -> Iterator[Finding]:
    dates = _Dates()
    try:
        with Heavylift.of(
            server.setting(retries=RetryConfig("none"), hooks=[dates], silence_ms=SILENCE_MS)
        ) as client:
            yield from _greeted(client, server, dates)
    except errors.HeavyliftError as error:
        yield _failed("server", error, server)


def _greeted(client: Heavylift, server: Server, dates: _Dates) -> Iterator[Finding]:
    proxy = proxy_for(server.url)
    through = "" if proxy is None else f", through the proxy {proxy.url} that {proxy.variable} names"
    reached = Finding(check="server", state="ok", said=f"{server.url} answers{through}")
    try:
        list(client.files.list_files(limit=1))
    except (errors.AuthenticationError, errors.PermissionDeniedError) as error:
        if not errors.is_envelope(error.body):
            yield probes.foreign("server", error.status_code)
            return
        yield reached
        missing = errors.MissingKeyError(server.found.lacking_key())
        yield _failed("key", missing if server.found.key is None else error, server)
        yield probes.clock(error.headers.get("date"), now=time.time())
        return
    yield reached
    said = (
        f"the server takes it; it came from {in_words_of_commands(server.found.key_name)}"
        if server.api_key
        else "there is none, and the server asks for none"
    )
    yield Finding(check="key", state="ok", said=said)
    yield probes.clock(dates.date, now=dates.came)
    extended = _extended(client)
    if extended:
        yield probes.storage(server)
    yield from _part(client, server, extended=extended)


def _extended(client: Heavylift) -> bool:
    """Whether this is a heavylift server. What others say of a route that they lack is anything."""
    try:
        list(client.uploads.list_uploads(limit=1))
    except (errors.SDKError, errors.SDKValidationError):
        return False
    return True


def _part(client: Heavylift, server: Server, *, extended: bool) -> Iterator[Finding]:
    """One part to an Upload that is thrown away; then what else is on the way."""
    try:
        upload = client.uploads.create_upload(
            filename="doctor.bin", purpose="user_data", bytes=MIB, mime_type="application/octet-stream"
        )
        try:
            begun = time.monotonic()
            part = client.uploads.add_upload_part(upload_id=upload.id, data=os.urandom(MIB))
            rate = MIB / max(time.monotonic() - begun, 1e-6)
        finally:
            client.uploads.cancel_upload(upload_id=upload.id)
    except errors.HeavyliftError as error:
        yield _failed("part", error, server)
        return
    arrived = "arrived whole" if checksums.comparable(part.checksum) else "was taken"
    yield Finding(check="part", state="ok", said=f"1 MiB {arrived}, at {show_bytes(rate)}/s")
    if extended:
        yield probes.proxies(server, upload.id)
    else:
        said = "not checked: this server has none of heavylift's extensions, which is fine"
        yield Finding(check="proxy", state="skipped", said=said)


def _failed(check: str, error: errors.HeavyliftError, server: Server) -> Finding:
    said = explained(error, server_url=server.url, secret=server.api_key)
    said = re.sub(r"; `heavylift doctor` [a-z ]+", "", said)  # this is the doctor
    sentence, _, remedy = said.partition(". ")
    return Finding(check=check, state="failed", said=sentence, remedy=remedy or _REMEDIES[_of_server(error)])


_REMEDIES: Final = {
    True: "Look at the server's log.",
    False: "Is this the server's URL? Look at what stands in front of it, and at its log.",
}
"""Where the answer itself names none: by whether it is the server's own."""


def _of_server(error: errors.HeavyliftError) -> bool:
    return isinstance(error, errors.SDKError) and errors.is_envelope(error.body)
