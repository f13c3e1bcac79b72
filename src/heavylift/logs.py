"""Structured logs: one event a line, as JSON for machines or for people on a terminal."""

import logging
import sys
from typing import Literal

import structlog
from structlog.types import Processor

SHARED: list[Processor] = [
    structlog.stdlib.add_logger_name,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # an API key may be among them
)


class NamedLogger(structlog.WriteLogger):
    """Writes lines to standard error; `name` is for the line to say where it comes from."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr)
        self.name = name


def configure_logs(form: Literal["auto", "console", "json"], level: str) -> None:
    """Send everything, uvicorn's own lines too, to standard error in one form. Repeatable.

    Our own events are written directly, not through `logging`, which costs a small request
    a fifth of its time.
    """
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    renderer: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [TRACEBACKS, structlog.processors.JSONRenderer()]
    )
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*SHARED, *renderer],
        logger_factory=NamedLogger,
        wrapper_class=structlog.make_filtering_bound_logger(least),
        cache_logger_on_first_use=True,
    )
    foreign = logging.StreamHandler(sys.stderr)
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
