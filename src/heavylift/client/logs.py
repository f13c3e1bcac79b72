"""What is written to the debug log. The key never is."""

import logging
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from heavylift.client.calls import Answer, FormBody, JsonBody, Request
from heavylift.client.hidden import redacted

LOGGER: Final = logging.getLogger("heavylift")
"""Warnings go here, and debug lines when no other logger is given."""

_SHOWN: Final = 2000


def log_request(logger: logging.Logger, request: Request, *, attempt: int) -> None:
    """One line per attempt; a file is shown as its size."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    match request.body:
        case JsonBody(value=value):
            body = str(value)[:_SHOWN]
        case FormBody(field=field, source=source, texts=texts):
            body = f"form {dict(texts)} {field}=<{source.length} bytes>"
        case None:
            body = "-"
    logger.debug(
        "%s %s attempt=%d headers=%s body=%s",
        request.method,
        without_password(request.url),
        attempt,
        redacted(request.headers),
        body,
    )


def log_answer(logger: logging.Logger, request: Request, answer: Answer) -> None:
    """One line per answer; a body that is not text is left out."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    kind = answer.headers.get("content-type", "")
    textual = kind.startswith("text/") or "json" in kind
    body = answer.text[:_SHOWN] if textual else f"<{len(answer.content)} bytes>"
    logger.debug(
        "%d for %s %s headers=%s body=%s",
        answer.status,
        request.method,
        without_password(request.url),
        redacted(answer.headers),
        body,
    )


def without_password(url: str) -> str:
    """The URL, without a user name and password in front of the host. Nothing of what is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
