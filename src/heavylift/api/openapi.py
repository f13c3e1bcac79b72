"""What the OpenAPI document says beyond the types: bodies, errors, which operations are extensions."""

from collections.abc import Callable, Collection
from typing import Any

from pydantic import BaseModel

from heavylift.api.schemas import EXTENSION, LIMITS, PURPOSE, ErrorObject

TITLE = "heavylift"
DESCRIPTION = """
Upload large files in parts by OpenAI's Uploads and Files protocol.

Create an **Upload**, add **Parts** in parallel, **complete** it with the Parts in order: the
answer holds a **File**. Unmodified OpenAI clients work against this service. Operations and
fields marked as extensions are additions that OpenAI's own service does not have.
"""

REASONS = {
    400: "The request is wrong, or the Upload's status is final.",
    401: "No API key, or not one that is known here.",
    404: "Unknown, or not this project's.",
    408: "The client stopped sending.",
    412: "The File's ETag is not among those of If-Match.",
    413: "More bytes than one request may carry.",
    415: "The body has a Content-Encoding.",
    416: "None of the bytes asked for exist.",
    429: "Too many requests; see Retry-After.",
    503: "Not now; see Retry-After.",
    507: "No room left to store this.",
}

ALWAYS = (401, 429, 503)
"""Any operation of a project may be answered so."""


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an operation: the given ones and those that all have."""
    return {
        status: {"model": ErrorObject, "description": REASONS[status]}
        for status in sorted({*statuses, *ALWAYS})
    }


def json_body(model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """A request body that is read by `api.body`, past FastAPI's own parsing. A page to try things on begins
    with the example: what is optional, and does something, is not in it."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["properties"] = {
        name: _inlined(field, schema.get("$defs", {})) for name, field in schema["properties"].items()
    }
    for name in ("$defs", "title"):  # generated clients would call it CreateUploadCreateUpload
        schema.pop(name, None)
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    }


def _inlined(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A field with what it refers to written out. An optional one may be null as well."""
    options = [definitions.get(o.get("$ref", "").rpartition("/")[2], o) for o in field.get("anyOf", ())]
    return {**field, "anyOf": options} if options else field


def _form(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "schema": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        },
    }


def as_answered(make: Callable[[], dict[str, Any]], purposes: Collection[str]) -> dict[str, Any]:
    """The document that `make` makes, without FastAPI's answer to bad parameters, for ours is always 400, and
    without a body of what HEAD is answered. `purposes` are those of this service."""
    document = make()
    for path in document["paths"].values():
        for method, operation in path.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                if purpose := content["schema"].get("properties", {}).get("purpose"):
                    purpose["enum"] = list(purposes)
            operation["responses"].pop("422", None)
            if method == "head":
                for response in operation["responses"].values():
                    response.pop("content", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document


BINARY = {"type": "string", "format": "binary"}

PART_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": _form(
                {"data": {**BINARY, "description": f"The bytes, at most {LIMITS.part_bytes}."}}, ["data"]
            ),
            "application/octet-stream": {"schema": {**BINARY, "description": EXTENSION}},
        },
    },
    "parameters": [
        {
            "name": name,
            "in": "header",
            "description": f"{what} Verified while the bytes arrive; a mismatch is 400. {EXTENSION}",
            "schema": {"type": "string"},
        }
        for name, what in (
            ("Content-MD5", "Base64 of the MD5 of the Part's bytes."),
            ("Content-Digest", "RFC 9530: sha-256, sha-512, md5, crc32c or crc64nvme of the Part's bytes."),
        )
    ],
}

UNFILLED = {"example": ""}
"""Else the documentation's page fills in the least number of seconds, and the File is gone in an hour."""

FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": _form(
                {
                    "file": {**BINARY, "description": f"The file, at most {LIMITS.file_bytes} bytes."},
                    "purpose": {"type": "string", "description": "What the File is for.", **PURPOSE},
                    "expires_after[anchor]": {"type": "string", "enum": ["created_at"], **UNFILLED},
                    "expires_after[seconds]": {
                        "type": "integer",
                        "minimum": LIMITS.expires_after_least,
                        "maximum": LIMITS.expires_after_most,
                        **UNFILLED,
                    },
                },
                ["file", "purpose"],
            )
        },
    }
}

OURS: dict[str, Any] = {"x-heavylift-extension": True}
"""Marks an operation that OpenAI's service does not have."""
