"""A file that comes with its name and MIME type: `(name, content)` and `(name, content, type)`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from heavylift.client.errors import InvalidRequestError
from heavylift.client.sources import FileContent, FileInput

_MIME_TYPE: Final = re.compile(r"[\x21-\x7e]+/[\x21-\x7e][\x20-\x7e]*")


@dataclass(frozen=True, slots=True)
class Named:
    """What is to be uploaded, and what was said of it."""

    content: FileContent
    name: str | None = None
    mime_type: str | None = None


def named(file: FileInput | Mapping[str, Any]) -> Named:
    """A tuple taken apart; so is `{fileName, content}`, as in the TypeScript SDK. All else is the content.

    Raises InvalidRequestError for a tuple that is neither this nor an iterable of bytes.
    """
    if isinstance(file, Mapping) and "content" in file:
        return Named(file["content"], file.get("fileName", file.get("filename")))
    parts: tuple[Any, ...] = file if isinstance(file, tuple) else ()
    if not parts or not isinstance(parts[0], str | None):
        return Named(cast("FileContent", file))
    if len(parts) == 4 and not parts[3]:  # openai's fourth: headers of the file alone
        parts = parts[:3]
    if len(parts) not in {2, 3}:
        raise InvalidRequestError(
            f"A tuple is (name, content) or (name, content, MIME type); this one has {len(parts)} elements"
        )
    mime_type = parts[2] if len(parts) == 3 else None
    if mime_type is not None and not (isinstance(mime_type, str) and _MIME_TYPE.fullmatch(mime_type)):
        raise InvalidRequestError(f"{mime_type!r} is not a MIME type such as text/plain")
    return Named(parts[1], parts[0], mime_type)
