"""heavylift: upload large files in parts by OpenAI's Uploads and Files protocol."""

import importlib
from typing import TYPE_CHECKING, Any

from heavylift._version import __version__

if TYPE_CHECKING:
    from heavylift import errors, funcs, models
    from heavylift.client.calls import Answer, Request
    from heavylift.client.client import AsyncHeavylift, Heavylift
    from heavylift.client.errors import (
        AuthenticationError,
        BadRequestError,
        CertificateError,
        ConflictError,
        CorruptedError,
        FileChangedError,
        HeavyliftError,
        HTTPClientError,
        InvalidRequestError,
        MethodNotAllowedError,
        MissingKeyError,
        NotFoundError,
        PayloadTooLargeError,
        PermissionDeniedError,
        RateLimitError,
        RequestAbortedError,
        RequestTimeoutError,
        ResumeError,
        SDKError,
        SDKValidationError,
        ServerError,
        UnexpectedClientError,
        UnprocessableEntityError,
    )
    from heavylift.client.errors import ConnectionError as ConnectionError  # noqa: A004
    from heavylift.client.filesprogress import FilesProgress
    from heavylift.client.hooks import HookContext, Hooks
    from heavylift.client.models import (
        CompletedUpload,
        DownloadedFile,
        ExpiresAfter,
        File,
        FileDeleted,
        FileResult,
        Page,
        Upload,
        UploadPart,
    )
    from heavylift.client.openai_names.errors import (
        APIConnectionError,
        APIError,
        APIStatusError,
        APITimeoutError,
        InternalServerError,
        OpenAIError,
    )
    from heavylift.client.options import RequestOptions
    from heavylift.client.progress import Progress
    from heavylift.client.result import Err, Ok, Result
    from heavylift.client.retries import BackoffStrategy, RetryConfig
    from heavylift.client.sources import FileSlice

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APITimeoutError",
    "Answer",
    "AsyncHeavylift",
    "AuthenticationError",
    "BackoffStrategy",
    "BadRequestError",
    "CertificateError",
    "CompletedUpload",
    "ConflictError",
    "CorruptedError",
    "DownloadedFile",
    "Err",
    "ExpiresAfter",
    "File",
    "FileChangedError",
    "FileDeleted",
    "FileResult",
    "FileSlice",
    "FilesProgress",
    "HTTPClientError",
    "Heavylift",
    "HeavyliftError",
    "HookContext",
    "Hooks",
    "InternalServerError",
    "InvalidRequestError",
    "MethodNotAllowedError",
    "MissingKeyError",
    "NotFoundError",
    "Ok",
    "OpenAIError",
    "Page",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "Progress",
    "RateLimitError",
    "Request",
    "RequestAbortedError",
    "RequestOptions",
    "RequestTimeoutError",
    "Result",
    "ResumeError",
    "RetryConfig",
    "SDKError",
    "SDKValidationError",
    "ServerError",
    "UnexpectedClientError",
    "UnprocessableEntityError",
    "Upload",
    "UploadPart",
    "__version__",
    "errors",
    "funcs",
    "models",
]
"""ConnectionError is there too; but `import *` does not put it in the place of Python's own."""

_HOMES = {
    "calls": ("Answer", "Request"),
    "client": ("AsyncHeavylift", "Heavylift"),
    "errors": (
        "AuthenticationError",
        "BadRequestError",
        "CertificateError",
        "ConflictError",
        "ConnectionError",
        "CorruptedError",
        "FileChangedError",
        "HTTPClientError",
        "HeavyliftError",
        "InvalidRequestError",
        "MethodNotAllowedError",
        "MissingKeyError",
        "NotFoundError",
        "PayloadTooLargeError",
        "PermissionDeniedError",
        "RateLimitError",
        "RequestAbortedError",
        "RequestTimeoutError",
        "ResumeError",
        "SDKError",
        "SDKValidationError",
        "ServerError",
        "UnexpectedClientError",
        "UnprocessableEntityError",
    ),
    "filesprogress": ("FilesProgress",),
    "hooks": ("HookContext", "Hooks"),
    "models": (
        "CompletedUpload",
        "DownloadedFile",
        "ExpiresAfter",
        "File",
        "FileDeleted",
        "FileResult",
        "Page",
        "Upload",
        "UploadPart",
    ),
    "openai_names.errors": (
        "APIConnectionError",
        "APIError",
        "APIStatusError",
        "APITimeoutError",
        "InternalServerError",
        "OpenAIError",
    ),
    "options": ("RequestOptions",),
    "progress": ("Progress",),
    "result": ("Err", "Ok", "Result"),
    "retries": ("BackoffStrategy", "RetryConfig"),
    "sources": ("FileSlice",),
}
"""Where each name lives. They are imported when first used: the server needs none of them."""

_HOME_OF = {name: f"heavylift.client.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
    elif name in {"errors", "funcs", "models"}:
        value = importlib.import_module(f"heavylift.{name}")
    else:
        raise AttributeError(f"module 'heavylift' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """What is public, and nothing else."""
    return sorted({*__all__, *_HOME_OF})
