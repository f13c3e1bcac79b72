"""The command's first moment: Ctrl-C is one line from here on, also while everything else is imported."""

import signal
import sys
from typing import Final

STATUS: Final = 130


def main() -> None:
    """Run the command line."""
    sent = "before anything was sent"
    try:
        from heavylift.cli.app import main as run

        sent = ""
        run()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough: the end is near
        sys.stderr.write(f"heavylift: interrupted {sent}".rstrip() + ".\n")
        sys.exit(STATUS)
