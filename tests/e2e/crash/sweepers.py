"""Processes that are about to sweep, all imports behind them."""

import multiprocessing
import os
import sys
from contextlib import redirect_stdout
from multiprocessing.connection import Connection
from pathlib import Path

from heavylift.cli.app import main
from tests.e2e.crash.patience import SWEEP

SWEEPERS = multiprocessing.get_context("forkserver")
"""Makes them: a start takes far longer than a sweep, above all where each call of it is followed."""

SWEEPERS.set_forkserver_preload(["heavylift.cli.app", "heavylift.stores"])


def sweep_when_told(told: Connection, data: Path) -> None:
    """`heavylift sweep`, on a word from the other end."""
    os.environ.update(SWEEP)
    sys.argv = ["heavylift", "sweep", "--data", str(data)]
    with open(os.devnull, "w", encoding="ascii") as nowhere, redirect_stdout(nowhere):
        told.recv()
        main()
