"""Errors that leave the process: all that a pickle can and may carry of them, and no secret."""

import pickle
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from heavylift.client.hidden import REDACTED, is_secret


def rebuilt(kind: type[Exception], arguments: tuple[Any, ...], state: Mapping[str, Any]) -> Exception:
    """The error as it was. Its constructor is not asked: it would make the message anew."""
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(state)
    return error


def portable(state: Mapping[str, Any]) -> dict[str, Any]:
    """An error's fields as they may travel. A raw response stays behind: its request holds the key."""
    return {name: _portable(name, value) for name, value in state.items()}


def _portable(name: str, value: Any) -> Any:
    if name == "raw_response":
        return None
    if name == "headers":
        return _without_secrets(value)
    if isinstance(value, BaseException):
        return _bare(value)
    return value if _can_travel(value) else repr(value)


def _without_secrets(headers: Any) -> Any:
    """Headers of the same kind, found in any case as before."""
    items = headers.multi_items() if hasattr(headers, "multi_items") else headers.items()
    return type(headers)([(name, REDACTED if is_secret(name) else value) for name, value in items])


def _bare(error: BaseException) -> BaseException:
    """A cause without what hangs on it: the HTTP library's errors hold the request, and so the key."""
    if isinstance(error, ValidationError):
        return error if _can_travel(error) else _shown(error)
    try:
        bare = type(error)(*error.args)
    except Exception:  # a constructor that wants more than the message
        bare = None
    return bare if bare is not None and _can_travel(bare) else Exception(f"{type(error).__name__}: {error}")


def _shown(error: ValidationError) -> ValidationError:
    """The same faults, with the values as text: one of them is a file or a function."""
    faults = [
        InitErrorDetails(
            type=each["type"], loc=each["loc"], input=repr(each["input"]), ctx=each.get("ctx", {})
        )
        for each in error.errors(include_url=False)
    ]
    return ValidationError.from_exception_data(error.title, faults)


def _can_travel(value: Any) -> bool:
    try:
        pickle.loads(pickle.dumps(value))  # noqa: S301 - our own bytes, made this moment
    except Exception:  # whatever a foreign object's own code makes of it
        return False
    return True
