"""A word to whoever waits while the server does not answer."""

from heavylift.cli.exits import say
from heavylift.client.calls import Request
from heavylift.client.hooks import HookContext, Hooks


class Waiting(Hooks):
    """Says once that the first answer is late, while there is no progress to show yet."""

    def __init__(self) -> None:
        self._said = False

    def before_request(self, context: HookContext, request: Request) -> Request:
        """On the second attempt of anything but a part."""
        if context.attempt and not self._said and context.operation in {"createUpload", "retrieveFile"}:
            self._said = True
            say(f"{context.server_url} does not answer as it should; trying again for half a minute.")
        return request
