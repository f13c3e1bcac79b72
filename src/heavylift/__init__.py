"""heavylift: upload large files in parts by OpenAI's Uploads and Files protocol."""

import importlib
from typing import TYPE_CHECKING, Any

from heavylift._version import __version__

if TYPE_CHECKING:
    from heavylift import funcs
    from heavylift.client import errors, models
    from heavylift.client.client import AsyncHeavylift, Heavylift
    from heavylift.client.errors import HeavyliftError, HTTPClientError, SDKError, SDKValidationError
    from heavylift.client.hooks import HookContext, Hooks
    from heavylift.client.models import (
        DownloadedFile,
        ExpiresAfter,
        File,
        FileDeleted,
        Page,
        Upload,
        UploadPart,
    )
    from heavylift.client.options import RequestOptions
    from heavylift.client.progress import Progress
    from heavylift.client.result import Err, Ok, Result
    from heavylift.client.retries import BackoffStrategy, RetryConfig
    from heavylift.client.sources import FileSlice

__all__ = [
    "AsyncHeavylift",
    "BackoffStrategy",
    "DownloadedFile",
    "Err",
    "ExpiresAfter",
    "File",
    "FileDeleted",
    "FileSlice",
    "HTTPClientError",
    "Heavylift",
    "HeavyliftError",
    "HookContext",
    "Hooks",
    "Ok",
    "Page",
    "Progress",
    "RequestOptions",
    "Result",
    "RetryConfig",
    "SDKError",
    "SDKValidationError",
    "Upload",
    "UploadPart",
    "__version__",
    "errors",
    "funcs",
    "models",
]

_HOMES = {
    "client": ("AsyncHeavylift", "Heavylift"),
    "errors": ("HTTPClientError", "HeavyliftError", "SDKError", "SDKValidationError"),
    "hooks": ("HookContext", "Hooks"),
    "models": ("DownloadedFile", "ExpiresAfter", "File", "FileDeleted", "Page", "Upload", "UploadPart"),
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
    elif name in {"errors", "models"}:
        value = importlib.import_module(f"heavylift.client.{name}")
    elif name == "funcs":
        value = importlib.import_module("heavylift.funcs")
    else:
        raise AttributeError(f"module 'heavylift' has no attribute {name!r}")
    globals()[name] = value
    return value
