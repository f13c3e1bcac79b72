"""Content-Disposition of a download, by RFC 6266: any filename, and nothing but a filename."""

import re
from urllib.parse import quote

_PLAIN = re.compile(r"[ !#$&-\[\]-~]*\Z")
"""Printable ASCII without the quote, the backslash and the percent sign, which clients read differently."""
_NOT_PLAIN = re.compile(r"[^ !#$&-\[\]-~]")
_ATTR_CHARS = "!#$&+.^_`|~-"  # RFC 8187: what may stand there unencoded, besides letters and digits


def attachment(filename: str) -> str:
    """The header's value: a name that every client understands, and the exact one where that differs.

    Of a path below a folder its last step: what clients save is one file.
    """
    filename = filename.rpartition("/")[2]
    if _PLAIN.match(filename):
        return f'attachment; filename="{filename}"'
    fallback = _NOT_PLAIN.sub("_", filename)
    exact = quote(filename, safe=_ATTR_CHARS, encoding="utf-8", errors="replace")
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{exact}"
