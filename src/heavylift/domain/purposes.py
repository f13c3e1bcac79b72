"""What each purpose accepts, as one table of data that an operator may extend.

Sources: OpenAI's guides of file search and code interpreter, the extensions that its
live service lists in a refusal (openai-dotnet issue 270), the batch and fine-tuning
guides. Where they disagree the union is taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from heavylift.domain.errors import InvalidRequest, UnfitFile
from heavylift.domain.limits import DAY, MIB


class Checks(StrEnum):
    """How much of the table is enforced."""

    FULL = "full"
    EXTENSION = "extension"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """One row. Empty `extensions` or `mime_types` accept anything.

    `post_bytes` caps POST /files in bytes below the general limit; `lifetime` is the
    File's default in seconds, None to keep it. `only` is the refusal of another
    extension, in OpenAI's words, where the purpose has a sentence of its own.
    """

    name: str
    extensions: frozenset[str] = frozenset()
    mime_types: frozenset[str] = frozenset()
    post_bytes: int | None = None
    lifetime: int | None = None
    only: str | None = None


TEXTS: Final = {
    "c": ("text/x-c",),
    "cpp": ("text/x-c++",),
    "cs": ("text/x-csharp",),
    "css": ("text/css",),
    "doc": ("application/msword",),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",),
    "go": ("text/x-golang",),
    "html": ("text/html",),
    "java": ("text/x-java",),
    "js": ("text/javascript",),
    "json": ("application/json",),
    "md": ("text/markdown",),
    "pdf": ("application/pdf",),
    "php": ("text/x-php",),
    "pptx": ("application/vnd.openxmlformats-officedocument.presentationml.presentation",),
    "py": ("text/x-python", "text/x-script.python"),
    "rb": ("text/x-ruby",),
    "sh": ("application/x-sh",),
    "tex": ("text/x-tex",),
    "ts": ("application/typescript",),
    "txt": ("text/plain",),
}
"""What file search reads."""

DATA: Final = {
    "csv": ("application/csv", "text/csv"),
    "pkl": (),  # named by the live service, without a type
    "tar": ("application/x-tar",),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",),
    "xml": ("application/xml", "text/xml"),
    "zip": ("application/zip",),
}
"""What code interpreter reads beside texts and images."""

IMAGES: Final = {
    "gif": ("image/gif",),
    "jpeg": ("image/jpeg",),
    "jpg": ("image/jpeg",),
    "png": ("image/png",),
    "webp": ("image/webp",),
}


def _types(*tables: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(mime for table in tables for mimes in table.values() for mime in mimes)


MIME_TYPE_CHARS: Final = 255
"""Both names that RFC 6838 bounds to 127, and the slash."""

JSONL: Final = frozenset({"jsonl"})

PURPOSES: Final[Mapping[str, Purpose]] = {
    purpose.name: purpose
    for purpose in (
        Purpose(
            name="fine-tune",
            extensions=JSONL,
            only="Invalid file format for Fine-Tuning API. Must be .jsonl",
        ),
        Purpose(
            name="assistants",
            extensions=frozenset(TEXTS) | frozenset(DATA) | frozenset(IMAGES),
            mime_types=_types(TEXTS, DATA, IMAGES),
        ),
        Purpose(
            name="batch",
            extensions=JSONL,
            only="Invalid file format for Batch API. Must be .jsonl",
            post_bytes=200 * MIB,
            lifetime=30 * DAY,
        ),
        Purpose(name="user_data"),
        Purpose(name="vision", extensions=frozenset(IMAGES), mime_types=_types(IMAGES)),
        Purpose(name="evals"),
    )
}


def find_purpose(name: str, table: Mapping[str, Purpose]) -> Purpose:
    """The row of that name, or a refusal that lists the names there are."""
    try:
        return table[name]
    except KeyError:
        names = ", ".join(f"'{known}'" for known in table)
        raise InvalidRequest(f"'{name[:100]}' is not one of [{names}] - 'purpose'", param="purpose") from None


def check_name(purpose: Purpose, filename: str, checks: Checks) -> None:
    """Refuse an extension that the purpose does not take. Case does not matter."""
    extension = extension_of(filename)
    if checks is Checks.OFF or not purpose.extensions or extension in purpose.extensions:
        return
    supported = ", ".join(sorted(purpose.extensions))
    seen = "" if extension else f" The file's name is '{filename}', which has no extension."
    invalid = f"Invalid extension {extension}." if extension else "Invalid extension: there is none."
    message = f"{purpose.only or f'{invalid} Supported formats: {supported}'}{'.' * bool(seen)}{seen}"
    raise UnfitFile(message, param="filename")


def check_mime_type(purpose: Purpose, filename: str, mime_type: str, checks: Checks) -> None:
    """Refuse a MIME type that the purpose does not take. Case and parameters do not matter."""
    if len(mime_type) > MIME_TYPE_CHARS or not mime_type.isprintable():
        raise InvalidRequest(
            f"mime_type must be at most {MIME_TYPE_CHARS} printable characters.", param="mime_type"
        )
    if checks is not Checks.FULL or not purpose.mime_types:
        return
    if mime_type.partition(";")[0].strip().lower() in purpose.mime_types:
        return
    fitting = TEXTS | DATA | IMAGES
    usual = fitting.get(extension_of(filename), ())
    hint = f" For .{extension_of(filename)} use {' or '.join(usual)}." if usual else ""
    raise UnfitFile(
        f"Invalid MIME type '{mime_type}' for purpose '{purpose.name}'.{hint}"
        f" Supported types: {', '.join(sorted(purpose.mime_types))}",
        param="mime_type",
    )


def extension_of(filename: str) -> str:
    """What follows the last dot, in lower case and without the dot; empty if there is none."""
    stem, dot, extension = filename.rpartition(".")
    return extension.lower() if stem and dot else ""
