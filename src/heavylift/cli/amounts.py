"""Sizes and times as people write and read them."""

import json
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from heavylift import units


def size(text: str) -> int:
    """Bytes out of `16MiB`, for short `16M`, or `16MB`, which is 16,000,000."""
    try:
        return units.size(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def seconds(text: str) -> int:
    """Seconds out of `90`, `90s`, `15m`, `12h`, `7d` or `2w`, or of the protocol's object in JSON."""
    if text.lstrip().startswith("{"):
        return _seconds_of_object(text)
    try:
        span = units.seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if span != int(span):
        raise typer.BadParameter(f"{text!r} is no whole number of seconds.")
    return int(span)


def _seconds_of_object(text: str) -> int:
    try:
        value = json.loads(text)["seconds"]
    except (ValueError, KeyError):
        value = None
    if not isinstance(value, int):
        raise typer.BadParameter('the object looks like {"anchor": "created_at", "seconds": 604800}.')
    return value


show_bytes: Final = units.shown_size
"""`12.3 MiB`."""


def show_moment(unix: int | None) -> str:
    """A Unix time in UTC, to the second; nothing for None or for a time that no calendar has."""
    try:
        return "" if unix is None else datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(unix)


def show_ago(unix: int | None, now: float) -> str:
    """A Unix time as seen from `now`: `5 min ago`, `in 3 h`, `2 days ago`; far away, the day."""
    if unix is None:
        return ""
    away = round(abs(now - unix))
    if away < 60:
        return "now"
    if away >= 30 * 86_400:
        return show_moment(unix).partition(" ")[0]
    for unit, length, word in ((86_400, 2 * 86_400, "days"), (3600, 3600, "h"), (60, 60, "min")):
        if away >= length:
            told = f"{away // unit} {word}"
            break
    return f"{told} ago" if unix < now else f"in {told}"


def show_span(span: float | None) -> str:
    """`0:42`, `1:05:09`; `-:--` while it cannot be told."""
    if span is None or span >= 360_000:
        return "-:--"
    minutes, rest = divmod(round(span), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


ExpiresAfter = Annotated[
    int | None,
    typer.Option(
        "--expires-after",
        metavar="TIME",
        parser=seconds,
        show_default=False,
        help="When the File expires, counted from its creation: 12h, 7d, 2w, or seconds.",
    ),
]
