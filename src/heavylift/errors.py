"""The errors, by a short name: `from heavylift.errors import NotFoundError`."""

from heavylift.client.errors import *  # noqa: F403 - its __all__ is the list, kept in one place
from heavylift.client.errors import __all__  # noqa: F401 - the list of this module, too
