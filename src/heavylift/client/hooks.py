"""Where a user's own code may look at requests and answers, and change them."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from heavylift.client.calls import Answer, Request
from heavylift.client.errors import HeavyliftError, InvalidRequestError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class HookContext:
    """Which call this is about: the specification's operation name, and the attempt from 0."""

    operation: str
    attempt: int
    server_url: str


class Hooks:
    """Override what you need. On `AsyncHeavylift` the methods may also be coroutines.

    They run in the order in which they were given to the client, each on the outcome of the
    one before. What they raise goes to the caller as it is.
    """

    def before_request(self, context: HookContext, request: Request) -> Request | Awaitable[Request]:
        """Just before every attempt. What it returns is sent; the key is in the headers already."""
        return request

    def after_success(self, context: HookContext, answer: Answer) -> Answer | Awaitable[Answer]:
        """After the answer that succeeds, below 300. What it returns is parsed."""
        return answer

    def after_error(
        self, context: HookContext, error: HeavyliftError
    ) -> HeavyliftError | Awaitable[HeavyliftError]:
        """When the call has failed for good, after all retries. What it returns is raised."""
        return error


def returned(value: object, kind: type[T], hooks: Hooks, method: str) -> T:
    """What a hook has returned. Raises InvalidRequestError for what is not of that kind."""
    if isinstance(value, kind):
        return value
    raise InvalidRequestError(
        f"The hook {type(hooks).__name__}.{method} returned {type(value).__name__} instead of "
        f"{kind.__name__}. Does every way through it end with `return`?"
    )
