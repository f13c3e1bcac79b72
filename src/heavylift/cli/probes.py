"""Looking past the SDK: whether the storage is ready, and what a proxy does to large bodies."""

import http.client
import json
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final, Literal
from urllib.parse import quote, urlsplit

import httpx2

from heavylift.cli.amounts import show_bytes
from heavylift.cli.connection import Server
from heavylift.client.calls import MOST_OF_ONE
from heavylift.client.credentials import authorization
from heavylift.client.drivers.naming import naming
from heavylift.client.drivers.opening import open_client
from heavylift.client.drivers.trusting import trusted
from heavylift.client.drivers.whole import read_whole
from heavylift.client.errors import HeavyliftError, error_for, is_envelope
from heavylift.client.proxies import proxy_for

MIB: Final = 1024 * 1024
PATIENCE: Final = 5.0
"""Seconds until silence is an answer too: the service refuses these bodies at their first line."""

CLOCK_SECONDS: Final = 30.0
"""What two clocks may differ by: networks are slow, and `Date` has whole seconds."""

State = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check has found, and what to do about it."""

    check: str
    state: State
    said: str
    remedy: str = ""


def clock(date: str | None, *, now: float) -> Finding:
    """Compare a `Date` header with our own Unix time in seconds."""
    try:
        theirs = parsedate_to_datetime(date or "").timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):  # what is raised for odd dates
        return Finding(check="clock", state="skipped", said="the server does not tell its time")
    ahead = now - theirs
    if abs(ahead) <= CLOCK_SECONDS:
        return Finding(check="clock", state="ok", said="this machine and the server agree on the time")
    return Finding(
        check="clock",
        state="warning",
        said=f"this machine is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server",
        remedy="Set the clocks by NTP: expiry times and certificates depend on them.",
    )


def storage(server: Server) -> Finding:
    """Whether the server's catalog and blob store take and give: its `/readyz`."""
    url = f"{server.url.removesuffix('/v1')}/readyz"
    try:
        with (
            naming(url),
            open_client(httpx2.Client, url, server.found.trust) as http,
            http.stream("GET", url, timeout=PATIENCE) as answer,
        ):
            status, headers = answer.status_code, answer.headers
            text = read_whole(answer, MOST_OF_ONE).decode("utf-8", "replace")
    except HeavyliftError as error:
        said = f"{url} gave no answer: {error}"
        return Finding(check="storage", state="failed", said=said, remedy="Look at the server's log.")
    way = _way(text) if status == 200 else None
    if way is not None:
        return Finding(check="storage", state="ok", said=f"the server can write and read its storage{way}")
    if status in {200, 404, 405}:
        how = "answered by something else" if status == 200 else "not served here"
        return Finding(check="storage", state="skipped", said=f"{url} is {how}, so nothing is known")
    if not is_envelope(text):
        return foreign("storage", status)
    return Finding(
        check="storage",
        state="failed",
        said=f"{url} says {status}: {error_for(status, headers, text, None)}",
        remedy="Its operator looks at the log: a full disk, wrong permissions, or a database that is away.",
    )


def _way(ready: str) -> str | None:
    """How large bodies travel there, as a service of this version tells; None if it is no word of one."""
    try:
        told = json.loads(ready)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("status") != "ok":
        return None
    if told.get("bulk") == "fast":
        return "; large bodies go the fast way"
    return "; large bodies do not go the fast way (TLS, LANE=false, or no Linux)" if "bulk" in told else ""


def foreign(check: str, status: int) -> Finding:
    """An answer in the server's place: it is not in the protocol's envelope."""
    return Finding(
        check=check,
        state="failed",
        said=f"something on the way answers {status} in the server's place",
        remedy="Look at the log of the proxy or gateway in front of the server: where does it pass requests?",
    )


def proxies(server: Server, upload_id: str) -> Finding:
    """Announce large parts to a cancelled Upload and send none of them: who answers, and when, tells all.

    The service refuses at once. A proxy with a limit says 413. One that collects bodies stays silent.
    """
    proxy = proxy_for(server.url)
    if proxy is not None:
        said = f"requests go through {proxy.url}, which {proxy.variable} names; this check cannot do so"
        return Finding(check="proxy", state="skipped", said=said)
    size = 64 * MIB
    try:
        status, ours = _announced(server, upload_id, size)
        while status == 413 and size > MIB:
            size //= 2
            status, ours = _announced(server, upload_id, size)
    except (OSError, http.client.HTTPException) as error:
        said = f"the connection broke while a part of {show_bytes(size)} was announced: {error}"
        remedy = f"Something on the way may limit bodies. Try `--part-size {size // MIB // 2 or 1}M`."
        return Finding(check="proxy", state="warning", said=said, remedy=remedy)
    if status not in {None, 413} and not ours:
        return foreign("proxy", status or 0)
    return _judged(status, size)


def _judged(status: int | None, size: int) -> Finding:
    if status == 413 or size < 64 * MIB:
        most = "not even 1 MiB" if status == 413 else f"at most {show_bytes(size)}"
        return Finding(
            check="proxy",
            state="failed",
            said=f"{most} fit into one request",
            remedy="In nginx: `client_max_body_size 65m;`. Until then: "
            f"`heavylift upload --part-size {512 if status == 413 else size // MIB - 1 or 1}"
            f"{'K' if status == 413 else 'M'}`.",
        )
    if status is None:
        return Finding(
            check="proxy",
            state="warning",
            said="something on the way collects whole bodies before it passes them on",
            remedy="Uploads work, but slower. In nginx: `proxy_request_buffering off;`.",
        )
    return Finding(
        check="proxy", state="ok", said="parts of 64 MiB pass, and nothing on the way collects them"
    )


def _announced(server: Server, upload_id: str, size: int) -> tuple[int | None, bool]:
    """The status for a part of so many bytes of which none is sent, None for silence; and whether it is the
    service that answers."""
    where = urlsplit(server.url)
    host = where.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, where.port, timeout=PATIENCE, context=trusted(server.found.trust))
        if where.scheme == "https"
        else http.client.HTTPConnection(host, where.port, timeout=PATIENCE)
    )
    try:
        connection.putrequest("POST", f"{where.path}/uploads/{quote(upload_id, safe='')}/parts")
        if (secret := authorization(server.api_key)) is not None:
            connection.putheader("Authorization", secret)
        connection.putheader("Content-Type", "multipart/form-data; boundary=heavylift-doctor")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, is_envelope(answer.read(MIB).decode("utf-8", "replace"))
    except TimeoutError:
        return None, False
    finally:
        connection.close()
