"""A request object in first place, as the TypeScript SDK takes it, made into named arguments."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from heavylift.client.errors import unfit

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def arguments(flow: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """What to call the flow with. Other arguments may follow the object: the options, and any by name.

    Names may be in camelCase, and what is under `addUploadPartRequest` and its like counts as if it stood
    beside it. Raises SDKValidationError for a name that the operation does not have, or one that it needs.
    """
    if not args or not isinstance(args[0], Mapping):
        return args, kwargs
    request, *options = args
    if len(options) > 1:
        raise unfit("request", "nothing but the options may follow it")
    said = {**_flat(request), **({"options": options[0]} if options else {}), **kwargs}
    try:
        inspect.signature(flow).bind(**said)
    except TypeError as error:
        raise unfit("request", str(error)) from None
    return (), said


def _flat(request: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for key, value in request.items():
        name = _CAPITAL.sub(r"_\1", str(key)).lower()
        if name.endswith("_request") and isinstance(value, Mapping):
            said |= _flat(value)
        else:
            said[name] = value
    return said
