"""What a logged error tells, and what it keeps to itself."""

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
