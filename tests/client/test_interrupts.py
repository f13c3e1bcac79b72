"""Ctrl-C while parts are in flight, at the moment at which the interpreter does not see it by itself."""

import subprocess
import sys

SECONDS = 60
"""A bound, not a wait."""

PROGRAM = """
import _thread, signal, sys, threading, time
from heavylift.client.calls import together, work
from heavylift.client.config import Setting
from heavylift.client.drivers.blocking import BlockingDriver
from heavylift.client.drivers.transport import BlockingTransport
from heavylift.client.window import Window

def place():
    frame = sys._current_frames()[threading.main_thread().ident]
    return frame.f_code.co_filename, frame.f_lasti

def await_waiting():
    before = None
    while before != place() or not before[0].endswith("blocking.py"):
        before = place()
        time.sleep(0.05)

def stand_still(aborted):
    await_waiting()
    _thread.interrupt_main()  # notes the signal and wakes nobody, as one that comes just before a wait
    while not aborted():
        time.sleep(0.01)
    print("told to stop", flush=True)

def part():
    yield from work(stand_still)

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a shell runs in the background
driver = BlockingDriver(BlockingTransport(None), Setting())
try:
    driver.run(together(iter([part()]), Window(most=1, clock=time.monotonic)))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_an_interrupt_that_wakes_nobody_is_noticed_all_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (done.stdout, done.stderr) == ("told to stop\ninterrupted\n", "")
