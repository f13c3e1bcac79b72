"""Fuzzes the connection against h11: `python -m tests.api.fuzz --count 1000000 --seed 1`."""

import argparse
import logging
import random
import re
import sys
import time
from collections import Counter

import structlog

from tests.api.streams import Ours, Referee, Request, cut, stream

EXPLAINED = {
    "an empty line before a request": (
        re.compile(rb"\r\n[A-Z-]+ [!-~]+ HTTP/1\.[01]\r\n"),
        re.compile(r"no request line received|illegal request line"),
    ),
    "a transfer coding among the trailers": (
        re.compile(rb"\r\n0\r\n.*transfer-encoding:", re.DOTALL | re.IGNORECASE),
        re.compile(r"Transfer-Encoding|Content-Length|conflicting"),
    ),
    "a length among the trailers": (
        re.compile(rb"\r\n0\r\n.*content-length:", re.DOTALL | re.IGNORECASE),
        re.compile(r"Content-Length|conflicting"),
    ),
}
"""Where we take more than h11, and why: what must be in the stream, and what h11 says of it.

RFC 9112, 2.2 lets a server ignore empty lines before a request line. h11 takes trailers for headers, which we
count and drop: whatever is in them decides nothing.
"""


def judged(data: bytes, ours: Ours, theirs: Referee) -> str:
    """What is to be said of one stream. Raises AssertionError for a disagreement that is not explained."""
    a, b = ours.requests, theirs.requests
    if a == b:
        return "the same"
    shown = f"{data!r}\nours {a} {ours.refused}\nh11  {b} {theirs.why}"
    if begins(b, a):  # fewer than h11 takes: never in silence
        assert ours.refused >= 400, f"neither taken nor refused: {shown}"
        return "refused here alone"
    assert begins(a, b), f"framed differently: {shown}"
    for name, (within, said) in EXPLAINED.items():
        if within.search(data) and said.search(theirs.why):
            return name
    raise AssertionError(f"taken here alone: {shown}")


def begins(longer: list[Request], shorter: list[Request]) -> bool:
    return longer[: len(shorter)] == shorter


def fuzz(seed: int, count: int) -> Counter[str]:
    """So many streams. What was said of them, how often."""
    found = Counter[str]()
    for number in range(seed, seed + count):
        dice = random.Random(number)
        data = stream(dice)
        ours, theirs = Ours(), Referee()
        for piece in cut(data, dice):
            ours.take(piece)
            theirs.take(piece)
        try:
            found[judged(data, ours, theirs)] += 1
        except AssertionError as error:
            raise AssertionError(f"seed {number}: {error}") from None
        assert ours.shared.budget.taken <= len(data)
    return found


def quiet() -> None:
    """Every second stream is refused, and each refusal would be a line."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**40)
    given = parser.parse_args()
    quiet()
    total = Counter[str]()
    for start in range(given.seed, given.seed + given.count, 5000):
        total += fuzz(start, min(5000, given.seed + given.count - start))
        print(f"from seed {given.seed}: {total.total():,}", dict(total), flush=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
