"""The MIME type of a file by its name, the same on every machine."""

import mimetypes
from pathlib import PurePath
from typing import Final

UNKNOWN: Final = "application/octet-stream"

_OURS: Final = {
    ".c": "text/x-c",
    ".cpp": "text/x-c++",
    ".cs": "text/x-csharp",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".go": "text/x-golang",
    ".java": "text/x-java",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".php": "text/x-php",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".py": "text/x-python",
    ".rb": "text/x-ruby",
    ".sh": "application/x-sh",
    ".tex": "text/x-tex",
    ".ts": "application/typescript",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""What the protocol's guides call a type that Python does not know, or knows under another name."""

_KNOWN: Final = mimetypes.MimeTypes()
"""Python's own table: the machine's files, which differ, are not read into it."""


def guess_mime_type(filename: str) -> str:
    """By the extension; unknown ones are bytes."""
    extension = PurePath(filename).suffix.lower()
    if extension in _OURS:
        return _OURS[extension]
    kind, encoding = _KNOWN.guess_type(f"name{extension}")
    return UNKNOWN if kind is None or encoding is not None else kind
