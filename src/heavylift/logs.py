"""Structured logs: one event a line, as JSON for machines or for people on a terminal."""

import logging
import sys
import time
from collections.abc import Iterable
from typing import Any, Literal

import structlog
from structlog.types import Context, EventDict, Processor, WrappedLogger

from heavylift.loglines import Lines
from heavylift.units import shown_size

SHARED: list[Processor] = [
    structlog.stdlib.add_logger_name,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # an API key may be among them
)


class Short:
    """On a terminal, a request is one short line: when, what, its answer, bytes, milliseconds. A refusal or
    failure has its request id, too. Everything else is shown by `others`."""

    def __init__(self, others: Processor) -> None:
        self._others = others

    def __call__(self, logger: WrappedLogger, name: str, said: EventDict) -> Any:
        """The line."""
        if said.get("event") != "request" or "method" not in said:
            return self._others(logger, name, said)
        words = [
            str(said.get("timestamp", ""))[11:19],
            f"{said['method']} {_printable(str(said['path']))}",
            str(said["status"]),
            shown_size(said["bytes_in"] + said["bytes_out"]),
            f"{said['ms']:.0f} ms",
        ]
        if said["status"] >= 400:
            words.append(said["request_id"])
        if said.get("cut"):
            words.append("cut")
        return " ".join(filter(None, words))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


lines = Lines(lambda: sys.stderr)
"""Everything that is logged as JSON passes here, in its order."""


class NamedLogger(structlog.WriteLogger):
    """Writes lines to standard error; `name` is for the line to say where it comes from."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr)
        self.name = name


class GatheringLogger(structlog.BoundLoggerBase):
    """Takes events as they are: they become lines together, in another thread.

    It stands in for structlog's own and its chain of processors, which cost more than the rest of a line.
    Nothing is bound to it.
    """

    def __init__(self, logger: NamedLogger, processors: Iterable[Processor], context: Context) -> None:
        super().__init__(logger, processors, context)
        self._name = logger.name

    def _add(self, level: str, event: str, fields: EventDict) -> None:
        said: EventDict = {**fields, "event": event, "logger": self._name, "level": level}
        if said.get("exc_info"):  # what it shows may be gone in a moment
            said = TRACEBACKS(None, level, said)
        lines.add(time.time(), said)

    def debug(self, event: str, **fields: Any) -> None:
        """One for whoever looks for a fault."""
        self._add("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """One that can wait for others."""
        lines.add(time.time(), {**fields, "event": event, "logger": self._name, "level": "info"})

    def warning(self, event: str, **fields: Any) -> None:
        """One that somebody may be waiting for."""
        self._add("warning", event, fields)
        lines.flush()

    def error(self, event: str, **fields: Any) -> None:
        """One that somebody should look at."""
        self._add("error", event, fields)
        lines.flush()

    def exception(self, event: str, **fields: Any) -> None:
        """The error that is being handled."""
        self.error(event, **{"exc_info": True, **fields})


def from_level(least: int) -> type[GatheringLogger]:
    """Such a logger that passes over what is below that level."""
    named = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}
    if least > logging.ERROR:
        named |= {"error": logging.ERROR, "exception": logging.ERROR}
    quiet = [name for name, level in named.items() if level < least]
    return type("Gathering", (GatheringLogger,), dict.fromkeys(quiet, _pass_over))


def _pass_over(logger: GatheringLogger, event: str, **fields: Any) -> None:
    """What is below the level."""


def configure_logs(form: Literal["auto", "console", "json"], level: str) -> None:
    """Send everything, uvicorn's own lines too, to standard error in one form. Repeatable.

    Our own events do not go through `logging`, which costs a small request a fifth of its time.
    """
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    renderer: list[Processor] = (
        [Short(structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback))]
        if console
        else [TRACEBACKS, structlog.processors.JSONRenderer()]
    )
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*SHARED, *renderer] if console else [],
        logger_factory=NamedLogger,
        wrapper_class=structlog.make_filtering_bound_logger(least) if console else from_level(least),
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
