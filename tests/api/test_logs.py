"""What a logged error tells, and what it keeps to itself."""

import json
import re
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


MANY = """
import os, signal, sys, threading
import structlog
from heavylift.logs import configure_logs
configure_logs("json", "info")
log = structlog.get_logger("heavylift.request")

def work(name):
    for number in range(2_000):
        log.info("request", thread=name, number=number)

threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
log.info("odd", text="\\ud800", number=2**70, thing=object())
{end}
"""


@pytest.mark.parametrize(
    "end", ["", "sys.exit(3)", "raise OSError('x')", "import logging; logging.shutdown(); os._exit(0)"]
)
def test_no_line_is_lost_or_out_of_order_however_the_process_ends(end: str) -> None:
    words = [sys.executable, "-c", MANY.replace("{end}", end)]
    said = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60).stderr
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert [event["event"] for event in events].count("odd") == 1
    for name in range(4):
        assert [one["number"] for one in events if one.get("thread") == name] == list(range(2_000))
    assert {"event", "level", "logger", "timestamp"} <= set(events[0])


DYING = """
import os
import structlog
from heavylift.logs import configure_logs
configure_logs("json", "info")
log = structlog.get_logger("heavylift.server")
log.info("before")
log.error("the end")
os.kill(os.getpid(), 9)
"""


def test_an_error_is_written_at_once_with_what_came_before_it() -> None:
    said = subprocess.run(
        [sys.executable, "-c", DYING], capture_output=True, text=True, check=False, timeout=60
    )
    assert [json.loads(line)["event"] for line in said.stderr.splitlines()] == ["before", "the end"]


WEDGED = """
import structlog
from heavylift.logs import configure_logs
from heavylift.loglines import MOST
configure_logs("json", "info")
log = structlog.get_logger("heavylift.server")
for number in range(MOST + 100):
    log.info("request", number=number)
print("logged", flush=True)
"""


def test_who_logs_waits_for_a_reader_only_when_very_much_waits() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WEDGED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = process.stderr.readlines()  # it comes to its end because they are read
        assert process.stdout.read() == "logged\n"
    assert len(lines) == 10_100


REQUESTS = """
import structlog
from heavylift.logs import configure_logs
configure_logs("console", "info")
log = structlog.get_logger("heavylift.request")
line = dict(request_id="req_1", project="default", method="POST", route="/v1/files", bytes_in=3 * 1024**2)
log.info("request", path="/v1/files", status=200, bytes_out=0, ms=12.3, **line)
log.info("request", path="/v1/\\x1b[31m", status=404, bytes_out=10, ms=0.2, **line)
log.error("request", path="/v1/files", status=200, bytes_out=0, ms=1.0, cut=True, **line)
log.info("server.draining", grace=3)
"""


def test_on_a_terminal_a_request_is_one_short_line() -> None:
    words = [sys.executable, "-c", REQUESTS]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stderr
    good, refused, cut, other = said.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d POST /v1/files 200 3\.0 MiB 12 ms", good)
    assert re.fullmatch(r"[\d:]{8} POST /v1/\N{REPLACEMENT CHARACTER}\[31m 404 3\.0 MiB 0 ms req_1", refused)
    assert cut.endswith(" 1 ms cut")
    assert "server.draining" in other
