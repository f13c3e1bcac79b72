"""The protocol's objects, by a short name: `from heavylift.models import File`."""

from heavylift.client.models import *  # noqa: F403 - its __all__ is the list, kept in one place
from heavylift.client.models import __all__  # noqa: F401 - the list of this module, too
