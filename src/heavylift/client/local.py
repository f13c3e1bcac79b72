"""The server of this machine, which is talked to when none is named."""

from typing import Final

LOCAL_SERVER: Final = "http://127.0.0.1:8321/v1"
