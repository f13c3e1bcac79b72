"""The file by which clients on this machine find a running service: see `client.address`."""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from heavylift.client.address import FILE, Address, hold
from heavylift.private import FILE as PRIVATE
from heavylift.private import NEW, make_folder


class AddressFile:
    """Written by the process that serves, or the supervisor of several, and held by it until it ends.

    It is no part of an installation: a service whose folder takes no file serves all the same.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._held: int | None = None

    def write(self, address: Address) -> None:
        """Tell where the service is, in place of what is there: whole, and held before anybody can see it.
        Raises OSError."""
        make_folder(self._path.parent)
        fresh = self._path.with_name(f"{FILE}-{token_hex(8)}")
        descriptor = os.open(fresh, NEW, PRIVATE)
        try:
            hold(descriptor)
            os.write(descriptor, address.written().encode("utf-8"))  # a few hundred bytes: all or nothing
            os.replace(fresh, self._path)
        except BaseException:
            os.close(descriptor)
            with suppress(OSError):
                fresh.unlink()
            raise
        before, self._held = self._held, descriptor
        if before is not None:
            os.close(before)

    def remove(self) -> None:
        """Nothing is told any more, unless somebody else does: another service on the same folder. Harmless
        when repeated."""
        if self._held is None:
            return
        with suppress(OSError):
            if os.path.samestat(os.lstat(self._path), os.fstat(self._held)):
                self._path.unlink()
        os.close(self._held)
        self._held = None
