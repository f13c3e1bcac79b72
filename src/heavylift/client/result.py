"""What a standalone function gives back: `Ok(value)` or `Err(error)`, fit for `match`."""

from dataclasses import dataclass
from typing import Generic, Literal, NoReturn, TypeAlias, TypeVar

from heavylift.client.errors import HeavyliftError

T = TypeVar("T")

KnownError: TypeAlias = HeavyliftError | OSError
"""What a Result may hold: the SDK's own tree, and what the operating system says of a local file."""


@dataclass(frozen=True, slots=True)
class Ok(Generic[T]):
    """It worked."""

    value: T

    @property
    def ok(self) -> Literal[True]:
        """True."""
        return True

    @property
    def error(self) -> None:
        """None: there is no error."""
        return

    def unwrap(self) -> T:
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Err:
    """It did not work, for a reason that is known."""

    error: KnownError

    @property
    def ok(self) -> Literal[False]:
        """False."""
        return False

    @property
    def value(self) -> None:
        """None: there is no value."""
        return

    def unwrap(self) -> NoReturn:
        """Raise the error."""
        raise self.error


Result: TypeAlias = Ok[T] | Err
