"""heavylift: upload large files in parts by OpenAI's Uploads and Files protocol."""

from heavylift._version import __version__

__all__ = ["__version__"]
