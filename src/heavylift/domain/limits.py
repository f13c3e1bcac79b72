"""Every number that bounds a request, each with its reason. MB is MiB, GB is GiB."""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
HOUR = 3600
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    part_bytes: int = 64 * MIB
    """One Part's payload. OpenAI says 64 MB; openai-python's default part is 64 x 1024 x 1024."""

    upload_bytes: int = 8 * GIB
    """What an Upload may declare. OpenAI says 8 GB."""

    held_bytes: int = 9 * GIB
    """What a pending Upload may hold: the largest file and 16 full Parts sent twice by a blind retry."""

    parts: int = 10_000
    """Parts of one Upload. S3 chose the same; 8 GiB fit in Parts of 860 KB."""

    upload_seconds: int = HOUR
    """From an Upload's creation to its expiry. OpenAI says one hour."""

    file_bytes: int = 512 * MIB
    """One POST /files. OpenAI says 512 MB."""

    json_bytes: int = MIB
    """A JSON body: 10,000 part ids take 320 KB."""

    field_bytes: int = 64 * KIB
    """A text field of a form, and the headers of one form field."""

    filename_chars: int = 255
    """A file's name. The longest that common file systems take."""

    open_uploads: int = 1_000
    """Uploads that a project may have pending at once; 0 for any number. Each may hold 9 GiB for an hour."""

    project_bytes: int = 0
    """What a project may hold in all, pending Parts and Files; 0 for any amount."""

    page: int = 10_000
    """Entries of one page of a list. OpenAI says 10,000."""

    expires_after_least: int = HOUR
    """Shortest lifetime a File may be given. OpenAI says 3,600."""

    expires_after_most: int = 30 * DAY
    """Longest lifetime a File may be given. OpenAI says 2,592,000."""

    empty_files: bool = False
    """Whether an Upload or a File may hold no byte at all. OpenAI answers "File is empty."."""
