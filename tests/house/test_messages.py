"""Every message of a refusal says what was wrong and what to do, and repeats no more than one would read."""

import re

from heavylift.api.errors import STATUS
from tests.house import errors_page
from tests.house.codes import refusals
from tests.house.messages import messages

ADVICE = re.compile(
    r"\b(send|leave|list|create|complete|cancel|delete|give|shorten|rename|wait|ask|look|use|name|store|check"
    r"|report|try|its operator|an operator|the url begins|expected one of|supported|the methods are|takes"
    r"|must|at most)\b",
    re.IGNORECASE,
)

IN_OTHER_WORDS = {
    "Invalid URL ({})": "OpenAI's words; errors.md says more",
    "No such File object: {}": "OpenAI's words",
    "No such Upload object: {}": "after those",
    "Missing required parameter: '{}'.": "OpenAI's words",
    "Missing required parameter: 'purpose'.": "the same",
    "Additional properties are not allowed ('{}' was unexpected)": "OpenAI's words",
    "'{}' is not one of [{}] - 'purpose'": "OpenAI's words, and all that it may be",
    "{}{}{}": "OpenAI's words for some purposes, `Supported formats:` for all others",
    "Invalid '{}': {}.": "pydantic says what it should be",
}
"""Messages that say what to do otherwise."""

NUMBERS = {
    "limit", "limits.expires_after_least", "limits.expires_after_most", "limits.filename_chars",
    "limits.held_bytes", "limits.part_bytes", "limits.parts", "limits.upload_bytes",
    "self._limits.file_bytes", "purpose.post_bytes", "FIELDS", "HEADERS", "KEY_CHARS", "LINES",
    "MIME_TYPE_CHARS", "MOST_MEMBERS", "MOST_QUERY_FIELDS", "PADDING", "PARAMETERS", "WAITING",
    "WIDTHS[algorithm]", "bytes", "hosts", "listed", "most", "size", "seconds", "len(name)",
    "len(part_ids)", "len(sums)", "len(value)", "patience.idle", "patience.total", "self._bound",
    "self._most", "self.most", "self._of_project", "self._patience", "self.bytes", "upload.bytes",
    "upload.held_bytes", "upload.held_parts", "limits.parts + MOST_COMMAS",
}  # fmt: skip

OURS = {
    "', '.join(METHODS)": "the service's methods",
    "', '.join(sorted(purpose.mime_types))": "an operator's table",
    "'.' * bool(seen)": "a full stop",
    "_elsewhere(headers)": "a sentence of ours",
    "action": "a verb of ours",
    "algorithm": "one of WIDTHS",
    "allowed": "the service's methods",
    "etag": "the File's own",
    "expected.algorithm": "one of WIDTHS",
    "expected.source": "a header that is read",
    "field.name": "a field that the operation has",
    "file.purpose": "one of the table",
    "found": "an MD5",
    "header": "a header that is read",
    "hint": "a sentence of ours",
    "http_date(last_modified)": "a date",
    "made": "an id of ours",
    "name": "a parameter, or a store, that the service has",
    "name.title()": "a header that is read",
    "names": "the table's purposes",
    "of": "a header that is read",
    "purpose.name": "one of the table",
    "purpose.only or f'{invalid} Supported formats: {supported}'": "of a name of 255 characters",
    "request_id": "ours",
    "seen": "of a name of 255 characters",
    "self._name": "a field that the operation has",
    "self._why": "a sentence of ours",
    "slowly": "a sentence of ours",
    "status": "one of four",
    "upload.file_id": "ours",
    "upload.id": "ours",
    "wanted": "what may be said",
    "what": "a number and a word, or two words of ours",
    "why": "a message by itself",
}
"""What no client has said, or said shortly enough."""

CUT = {
    "_named(file_id)": "4,096 characters, as no path has more",
    "_named(upload_id)": "the same",
    "asked": "20 and 200 characters",
    "first['msg']": "pydantic's words, which do not repeat the input",
    "head.version": "two digits",
    "md5": "32 digits, before it is compared",
    "method": "a header's first characters",
    "mime_type": "refused before if it is long",
    "origin": "a header's first characters",
    "param": "200 characters",
    "reason": "json's words, which do not repeat the input",
    "sent": "100 characters",
    "shown": "100 characters",
    "some_of(doubled)": "ten names of 64 characters",
    "some_of(unknown)": "the same",
}
"""What a client has said, and where it is cut."""


def test_every_message_is_a_sentence_that_says_what_to_do() -> None:
    found = messages()
    silent = {
        message.where: message.text
        for message in found
        if not (message.advised or ADVICE.search(message.text) or message.text in IN_OTHER_WORDS)
    }
    assert silent == {}
    assert IN_OTHER_WORDS.keys() <= {message.text for message in found}
    for message in found:
        assert message.text in IN_OTHER_WORDS or message.text.endswith((".", "boundary=…", "{}")), message


def test_every_kind_of_refusal_has_words_and_a_status() -> None:
    """Found by class, from the source: a new one without a message or a remedy is missed here."""
    assert {answer.name for answer in refusals()} == errors_page.REMEDIES.keys()
    assert {answer.status for answer in refusals()} <= set(STATUS.values())


def test_no_message_repeats_without_bounds_what_was_sent() -> None:
    known = NUMBERS | OURS.keys() | CUT.keys()
    found = {echo: message.where for message in messages() for echo in message.echoes}
    assert {echo: where for echo, where in found.items() if echo not in known} == {}
    left_over = known - found.keys()
    assert left_over == set(), "named above, and in no message"


def test_a_message_without_advice_would_be_noticed() -> None:
    for text in ("The form has more than {} fields.", "This cannot be read.", "The {} has no room left."):
        assert ADVICE.search(text) is None
