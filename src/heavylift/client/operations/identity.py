"""The operation that asks who one is to a heavylift server."""

from heavylift.client.calls import Call, Flow, ask
from heavylift.client.models import Model
from heavylift.client.operations.wire import reading


class Identity(Model):
    """The project that the key opens, and the server's version. Empty where a server leaves it out."""

    version: str = ""
    project: str = ""
    key_required: bool = True


def whoami() -> Flow[Identity]:
    """Who one is. Raises NotFoundError for another kind of server."""
    return (yield from ask(Call(operation="whoami", method="GET", path="/whoami", parse=reading(Identity))))
