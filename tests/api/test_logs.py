"""What a logged error tells, and what it keeps to itself."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import structlog
from heavylift.logs import configure_logs
configure_logs({form!r}, "info")
secret = "hl-" + "x" * 43
try:
    raise OSError("the disk is gone")
except OSError as error:
    structlog.get_logger("heavylift.request").error("storage.failed", exc_info=error)
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_logged_error_says_what_and_where_but_no_value_of_a_variable(form: str) -> None:
    words = [sys.executable, "-c", PROGRAM.format(form=form)]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stderr
    assert "storage.failed" in said
    assert "the disk is gone" in said
    assert "xxxx" not in said


LIBRARY = """
import logging, structlog
from heavylift.logs import configure_logs
configure_logs("json", {level!r})
logging.getLogger("httpx2").info("HTTP Request: GET")
logging.getLogger("httpx2").warning("a retry")
structlog.get_logger("heavylift.request").info("request")
"""


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("debug", ["HTTP Request: GET", "a retry", "request"]),
        ("info", ["a retry", "request"]),
        ("warning", ["a retry"]),
        ("error", []),
    ],
)
def test_a_librarys_own_lines_are_no_events_unless_one_looks_for_a_fault(
    level: str, events: list[str]
) -> None:
    words = [sys.executable, "-c", LIBRARY.format(level=level)]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stderr
    assert [json.loads(line)["event"] for line in said.splitlines()] == events
