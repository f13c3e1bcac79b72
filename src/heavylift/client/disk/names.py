"""A File's name as a server shows it becomes the name of a local file that can do no harm."""

import re
import unicodedata
from typing import Final

MOST_BYTES: Final = 255
"""What nearly every file system allows, in UTF-8."""

_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""They make `gpj.exe` look like `exe.jpg`."""

_UNSEEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Controls (C1 too), halves of characters, separators of lines: what a terminal obeys or cannot show."""

_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(\..*)?",
    re.IGNORECASE | re.DOTALL,
)
"""Devices, on Windows: in every folder, and with any ending."""


def local_name(shown: str, *, otherwise: str) -> str:
    """The last step of `shown` with what is dangerous replaced by `_`; made of `otherwise` if none is left.

    The same on every system: no separators, no leading dots and dashes, no control characters, no
    marks that turn the direction of writing, nothing that Windows takes for a drive, a stream or a
    device, at most 255 bytes. Too long a name keeps its ending.
    """
    name = shown.replace("\\", "/").rpartition("/")[2]
    if name.strip() in {"", ".", ".."}:
        name = otherwise.replace("\\", "_").replace("/", "_")
    name = "".join(map(_harmless, name))
    visible = name.lstrip(".-")
    name = "_" * (len(name) - len(visible)) + visible
    kept = name.rstrip(". ")
    name = kept + "_" * (len(name) - len(kept))
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    return _shortened(name)


def _harmless(letter: str) -> str:
    dangerous = letter == ":" or letter in _BIDI or unicodedata.category(letter) in _UNSEEN
    return "_" if dangerous else letter


def _shortened(name: str) -> str:
    """At most MOST_BYTES of it, never half a character, with its ending if that is one."""
    if len(name.encode()) <= MOST_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    tail = f"{dot}{ending}".encode() if stem and len(ending.encode()) <= 20 else b""
    head = (stem if tail else name).encode()[: MOST_BYTES - len(tail)]
    return head.decode("utf-8", "ignore") + tail.decode()
