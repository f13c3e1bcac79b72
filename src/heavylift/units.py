"""Sizes and times as people write them, for the settings and the command line alike."""

import re
from typing import Final

POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}

A_SIZE: Final = "Write bytes, or 512K, 16M, 1G (or KiB, MiB, GiB); KB, MB and GB count thousands."
A_TIME: Final = "Write seconds, or 15m, 12h, 7d, 2w."


def size(text: str) -> int:
    """Bytes out of `16MiB`, for short `16M`, which is 16 times 1,048,576; or of `16MB`, which is 16,000,000.

    Raises ValueError.
    """
    found = re.fullmatch(r"(\d{1,18})\s*([kmgt]?)(i?b)?", text.strip().lower(), re.ASCII)
    if found is None:
        raise ValueError(f"{text!r} is not a size. {A_SIZE}")
    step = 1000 if found[3] == "b" else 1024
    return int(found[1]) * int(step ** POWERS[found[2]])


def shown_size(count: float) -> str:
    """`12.3 MiB`."""
    names = ["B", "KiB", "MiB", "GiB"]
    step = 0
    while count >= 1024 and step < len(names) - 1:
        count /= 1024
        step += 1
    return f"{count:.0f} B" if step == 0 else f"{count:.1f} {names[step]}"


def seconds(text: str) -> float:
    """Seconds out of `90`, `0.5`, `90s`, `15m`, `12h`, `7d` or `2w`. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,9})?)\s*([smhdw]?)", text.strip().lower(), re.ASCII)
    if found is None:
        raise ValueError(f"{text!r} is not a time. {A_TIME}")
    number = float(found[1]) if "." in found[1] else int(found[1])
    return number * SECONDS[found[2]]
