"""Files of JSON lines for batches, fine-tuning and evals: what is wrong in them, line by line."""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, Final, Literal, TypeAlias

import orjson

Kind: TypeAlias = Literal["batch", "fine-tune", "evals"]

LONGEST: Final = 64 * 1024 * 1024
"""Bytes of a line. A longer one is not read: it is no line, or nobody could take it."""
AT_ONCE: Final = 1_000_000
"""Ids that are compared at a time, so that comparing takes little memory beside their hashes."""
BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line, counted from 1; 0 is the whole file. Codes are those of OpenAI's batches."""

    line: int
    code: str
    message: str


@dataclass(slots=True)
class Lines:
    """Looks a file through, once. Memory: a line, and eight bytes for each line of a batch."""

    kind: Kind
    count: int = 0
    _hashes: "array[int]" = field(default_factory=lambda: array("q"))
    """Of the ids, by line; 0 for a line that has none."""

    def problems(self, file: BinaryIO) -> Iterator[Problem]:
        """All that is wrong, as it is found; ids that come twice at the end."""
        judge, loads, longest = JUDGES[self.kind], orjson.loads, LONGEST
        note = self._hashes.append if self.kind == "batch" else None
        for line in iter(partial(file.readline, longest + 1), b""):
            self.count += 1
            try:
                found = loads(line) if len(line) <= longest else None
            except orjson.JSONDecodeError as error:
                found, wrong = None, _why(line, error, first=self.count == 1)
            else:
                wrong = "" if type(found) is dict else self._why_no_object(line, file)
            if wrong:
                yield Problem(self.count, "invalid_json_line", wrong)
            elif wrong := judge(found):
                yield Problem(self.count, "invalid_request", wrong)
            if note is not None:
                note(_mark(found))
        if not self.count:
            yield Problem(0, "empty_file", "it has no lines")
        yield from self._twice()

    def _why_no_object(self, line: bytes, file: BinaryIO) -> str:
        if len(line) <= LONGEST:
            return "it is no JSON object"
        while line and not line.endswith(b"\n"):  # to its end, unread
            line = file.readline(LONGEST)
        return f"it has more than {LONGEST} bytes"

    def _twice(self) -> Iterator[Problem]:
        slices = 1 + len(self._hashes) // AT_ONCE
        if slices == 1 and len(set(self._hashes)) == len(self._hashes):
            return
        for part in range(slices):
            seen: dict[int, int] = {}
            for number, mark in enumerate(self._hashes, 1):
                if mark and mark % slices == part and (first := seen.setdefault(mark, number)) != number:
                    yield Problem(
                        number, "duplicate_custom_id", f"its custom_id is that of line {first}, too"
                    )


def _mark(found: Any) -> int:
    """The hash of a request's id; 0 if it has none."""
    given = found.get("custom_id") if type(found) is dict else None
    return hash(given) or 1 if type(given) is str else 0


def _why(line: bytes, error: orjson.JSONDecodeError, *, first: bool) -> str:
    if first and line.startswith(BOM):
        return "it begins with a byte order mark, which is no JSON; save the file as UTF-8 without BOM"
    if not line.strip():
        return "it is empty"
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return f"it is no UTF-8: byte {wrong.start + 1}"
    return f"it is no JSON: {error.msg}, column {error.colno}"


def _batch(found: Any) -> str:
    custom_id, url, body = found.get("custom_id"), found.get("url"), found.get("body")
    if type(custom_id) is not str or not custom_id:
        return "custom_id must be a string that is not empty"
    if found.get("method") != "POST":
        return 'method must be "POST"'
    if type(url) is not str or url[:1] != "/":
        return 'url must be the path of an endpoint, such as "/v1/chat/completions"'
    if type(body) is not dict:
        return "body must be an object: the request"
    model = body.get("model")
    return "" if type(model) is str and model else "body.model must be the name of a model"


def _fine_tune(found: Any) -> str:
    if "messages" in found:
        return _messages("messages", found["messages"])
    if "prompt" in found or "completion" in found:
        both = isinstance(found.get("prompt"), str) and isinstance(found.get("completion"), str)
        return "" if both else "prompt and completion must both be strings"
    if "input" not in found:
        return "it needs messages; or prompt and completion; or input and its two outputs"
    given = found["input"]
    return (
        _messages("input.messages", given.get("messages") if isinstance(given, dict) else None)
        or _messages("preferred_output", found.get("preferred_output"))
        or _messages("non_preferred_output", found.get("non_preferred_output"))
    )


def _messages(name: str, found: Any) -> str:
    if not isinstance(found, list) or not found:
        return f"{name} must be a list that is not empty"
    for one in found:
        if not isinstance(one, dict) or not isinstance(one.get("role"), str):
            return f"each of {name} must be an object with a role"
    return ""


def _evals(found: Any) -> str:
    return "" if isinstance(found.get("item"), dict) else "item must be an object"


JUDGES: Final[dict[str, Callable[[Any], str]]] = {"batch": _batch, "fine-tune": _fine_tune, "evals": _evals}
"""What an object lacks of the format that OpenAI describes for that purpose; empty if nothing."""
