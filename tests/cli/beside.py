"""Commands in the folder of a service, or away from it."""

import json

from tests.cli.typing_in import Desk

OWN_KEY = {"HEAVYLIFT_BOOTSTRAP_KEY": ""}
"""The first start makes a key."""


def facts(desk: Desk, *words: str, **variables: str) -> dict[str, str | None]:
    """What `whoami` says there."""
    done = desk.run(*words, "whoami", "--json", **variables)
    assert done.status == 0, done
    found: dict[str, str | None] = json.loads(done.out)
    return found
