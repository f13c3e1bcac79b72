"""docs/errors.md, written from the classes of refusals: status, code, field, meaning, and what to do."""

from tests.house.codes import FIELD, raw_codes, refusals

HEAD = """# Errors

<!-- Generated from `heavylift.domain.errors` and `heavylift.api` by `make docs`. Meanings are docstrings
     there; what to do is written in `tests/house/errors_page.py`. -->

Every answer that is not a success is JSON with the same four keys. All four are always there.

```json
{
  "error": {
    "message": "A Part holds at most 67108864 bytes. Send the same bytes in smaller Parts.",
    "type": "invalid_request_error",
    "param": "data",
    "code": "part_too_large"
  }
}
```

- `message` is for people. It says what was wrong and what to do. It may change between versions.
- `type` is `requests` for 429, `server_error` for 500, 503 and 507, else `invalid_request_error`.
- `param` names the field, header or query parameter at fault, or is null.
- `code` is a stable word for programs. It is null where OpenAI's own answers carry none.

Every answer has an `x-request-id`. The same id is in the service's log. Quote it in a report.

An id of another project is answered exactly like an id that never existed.
An operation on an Upload whose status is final is a 400, not a 409: OpenAI's clients repeat a 409.
What was refused has changed nothing. A refused `complete` leaves the Upload pending.

## Which to repeat

Repeat 408, 429, 500, 503 and 507 with a growing pause, and 425, 502, 504 and 520 to 529, which gateways
send. 429 and 503 say in `Retry-After` how many seconds to wait, but for `unfinished_requests`. Parts and
`complete` are safe to repeat: a Part that arrived twice is dropped when the Upload is completed, and the same
`complete` gives the same answer. Creating an Upload or a File is safe to repeat
with an [`Idempotency-Key`](http.md#idempotency-keys). Everything else needs a change first.

## From a proxy

The proxy of [operations.md](operations.md#behind-nginx) answers in the same envelope where no server does:
502 with the code `unreachable` and `Retry-After`, and 413 with `body_too_large`.

## By code

| status | code | param | meaning | what to do |
| --- | --- | --- | --- | --- |
"""

REMEDIES = {
    "InvalidRequest": "Correct the field that `param` names. The message says what it must be.",
    "UnfitFile": "Use a name, a MIME type or a purpose that fit each other, as the message lists them. An"
    " operator can relax this with `HEAVYLIFT_PURPOSE_CHECKS`.",
    "BytesMismatch": "Add the missing Parts, or list those that the message names, and complete again.",
    "DigestMismatch": "The bytes changed on the way, or the digest is of something else. Send them again.",
    "DuplicatePart": "List every Part once. To repeat bytes, send them as another Part.",
    "IdempotencyKeyReused": "Make a new key for each new request. A key is remembered for a day.",
    "MalformedBody": "Send JSON, or a form with the fields that the operation has.",
    "ForeignPage": "Ask the operator to name the page's origin in `HEAVYLIFT_CORS_ORIGINS`.",
    "WrongHost": "Call it as localhost, or ask the operator to name the host in `HEAVYLIFT_ALLOWED_HOSTS`.",
    "PreflightRefused": "Ask the operator to name the page's origin in `HEAVYLIFT_CORS_ORIGINS`.",
    "Md5Mismatch": "Check the order of `part_ids`. If it is right, find the Part whose checksum differs from"
    " your bytes, send it again, and complete with its new id.",
    "PartNotFound": "List ids that `POST /v1/uploads/{upload_id}/parts` of this Upload returned.",
    "ProjectFull": "Delete Files or cancel Uploads. An operator can give more room with"
    " `HEAVYLIFT_MAX_PROJECT_BYTES`.",
    "TooManyUploads": "Complete or cancel some Uploads. An operator can allow more with"
    " `HEAVYLIFT_MAX_OPEN_UPLOADS`.",
    "TooManyParts": "Create a new Upload and send larger Parts.",
    "UnsupportedCoding": "Send the bytes themselves, without a Content-Encoding.",
    "UnknownParameter": "Leave the field out.",
    "UploadCancelled": "Create a new Upload.",
    "UploadCompleted": "Nothing if the File is there: `GET /v1/uploads/{upload_id}` shows it. Else create"
    " a new Upload.",
    "UploadExpired": "Create a new Upload. An operator can give more time with `HEAVYLIFT_UPLOAD_SECONDS`.",
    "UploadTooLarge": "Declare fewer bytes, or complete or cancel an Upload that holds Parts sent twice.",
    "MissingKey": "Send `Authorization: Bearer` and an API key.",
    "InvalidKey": "Check the key. `heavylift keys list` shows them, `heavylift keys create` makes one.",
    "NoSuchCursor": "Pass the `last_id` of the page before as `after`.",
    "NoSuchFile": "Check the id and the key's project. The File may have expired or been deleted.",
    "NoSuchUpload": "Check the id and the key's project. A finished Upload is forgotten after a while.",
    "TooSlow": "Send it again, over a better line or in smaller Parts.",
    "PreconditionFailed": "Fetch the File's ETag anew, and start the download over.",
    "BodyTooLarge": "Send a smaller JSON body: fewer, larger Parts make a shorter list.",
    "FileTooLarge": "Use an Upload: `POST /v1/uploads`, with the file in Parts.",
    "PartTooLarge": "Send smaller Parts.",
    "Unsatisfiable": "Ask for bytes that exist: `Content-Range` says how many there are.",
    "RateLimited": "Wait as long as `Retry-After` says.",
    "Overloaded": "Wait as long as `Retry-After` says, then send it again, with fewer Parts in parallel.",
    "ShuttingDown": "Send it again after `Retry-After`: another process will answer.",
    "StorageUnavailable": "Send it again. If it stays, the operator looks at `/readyz` and the log.",
    "InsufficientStorage": "Delete Files or ask the operator for room. The Upload stays usable.",
}
"""What the one who gets this error can do. A class that is not here fails the build."""

RAW = {
    "malformed_request": (
        "What arrived is not HTTP/1.1.",
        "Use an HTTP client, and https where the service does.",
    ),
    "unknown_url": ("The service has no such path.", "Check the base URL: it ends in `/v1`."),
    "method_not_allowed": ("The path does not take this method.", "Use one of those in `Allow`."),
    "request_timeout": ("The request did not arrive in time.", "Send it again, all at once."),
    "headers_too_large": (
        "The request's headers, or the trailers of its body, are too large or too many.",
        "Send fewer or shorter ones: 100 lines at most.",
    ),
    "unknown_transfer_coding": (
        "The body has a transfer coding other than `chunked`.",
        "Send it with a length, or in chunks.",
    ),
    "unfinished_requests": (
        "The server holds as many unfinished requests as it has room for.",
        "Send it again, the whole of it at once.",
    ),
    "internal_error": ("A bug of the service.", "Report it with the request id. Repeating may work."),
}
"""Meaning and remedy of the errors that no class stands for."""


def page() -> str:
    """The whole page."""
    rows = [
        (answer.status, answer.code or "", _row(answer.status, answer.code, answer.params, answer.meaning,
                                                REMEDIES[answer.name]))
        for answer in refusals()
    ]  # fmt: skip
    rows += [(status, code, _row(status, code, (), *RAW[code])) for status, code in raw_codes()]
    return HEAD + "".join(row for _, _, row in sorted(rows))


def _row(status: int, code: str | None, params: tuple[str, ...], meaning: str, remedy: str) -> str:
    shown = ", ".join(param if param == FIELD else f"`{param}`" for param in params) or "null"
    return f"| {status} | {f'`{code}`' if code else 'null'} | {shown} | {meaning} | {remedy} |\n"
