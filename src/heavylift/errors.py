"""The errors, by a short name: `from heavylift.errors import NotFoundError`."""

from heavylift.client import errors
from heavylift.client.errors import *  # noqa: F403 - its __all__ is the list, kept in one place
from heavylift.client.openai_names import errors as theirs
from heavylift.client.openai_names.errors import *  # noqa: F403

__all__ = []
__all__ += errors.__all__
__all__ += theirs.__all__
