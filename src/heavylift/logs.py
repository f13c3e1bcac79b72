"""Structured logs: one event a line, as JSON for machines or for people on a terminal."""

import logging
import sys
import time
from typing import Any, Literal

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from heavylift.loglines import Lines

SHARED: list[Processor] = [
    structlog.stdlib.add_logger_name,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # an API key may be among them
)

lines = Lines(lambda: sys.stderr)
"""Everything that is logged as JSON passes here, in its order."""


class NamedLogger(structlog.WriteLogger):
    """Writes lines to standard error; `name` is for the line to say where it comes from."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr)
        self.name = name


class GatheringLogger:
    """Takes events as they are: they become lines together, in another thread."""

    def __init__(self, name: str) -> None:
        self.name = name

    def info(self, moment: float, event: EventDict) -> None:
        """One that can wait for others."""
        lines.add(moment, event)

    debug = info

    def error(self, moment: float, event: EventDict) -> None:
        """One that somebody may be waiting for."""
        lines.add(moment, event)
        lines.flush()

    warning = critical = exception = fatal = msg = error


def as_it_is(logger: WrappedLogger, method: str, event: EventDict) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a GatheringLogger takes: the moment, and the event."""
    event = structlog.processors.add_log_level(logger, method, {**event, "logger": logger.name})
    if event.get("exc_info"):  # what it shows may be gone in a moment
        event = TRACEBACKS(logger, method, event)
    return (time.time(), event), {}


def configure_logs(form: Literal["auto", "console", "json"], level: str) -> None:
    """Send everything, uvicorn's own lines too, to standard error in one form. Repeatable.

    Our own events do not go through `logging`, which costs a small request a fifth of its time.
    """
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    renderer: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [TRACEBACKS, structlog.processors.JSONRenderer()]
    )
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*SHARED, *renderer] if console else [as_it_is],
        logger_factory=NamedLogger if console else GatheringLogger,
        wrapper_class=structlog.make_filtering_bound_logger(least),
        cache_logger_on_first_use=True,
    )
    foreign = logging.StreamHandler(sys.stderr if console else lines)
    foreign.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [foreign]
    # libraries tell each of their requests at info: that is no event of ours, but may help to find a fault
    root.setLevel(least if least < logging.INFO else max(logging.WARNING, least))
    for talkative in ("uvicorn.error", "alembic"):
        logging.getLogger(talkative).setLevel(max(logging.WARNING, least))
