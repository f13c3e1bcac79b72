"""The standalone functions, by a short name: `from heavylift.funcs import uploads_upload_file`."""

from heavylift.client.funcs import *  # noqa: F403 - its __all__ is the list, kept in one place
from heavylift.client.funcs import __all__ as __all__
