"""`heavylift login`, `logout` and `whoami`: which server, with which key, and as whom."""

import os
import sys
from typing import TYPE_CHECKING, Any

import typer

from heavylift.cli.connection import BRIEF, Server, connected, options_of, said, server_of
from heavylift.cli.exits import USAGE, fail, interrupted, one_line
from heavylift.cli.output import AsJson, examples, show_fields, show_json

if TYPE_CHECKING:
    from heavylift.client.client import Heavylift
    from heavylift.client.operations.identity import Identity

LOGIN_EXAMPLES = examples(
    'printf "%s\\n" "$HEAVYLIFT_API_KEY" | heavylift login --base-url "$HEAVYLIFT_BASE_URL" --profile work'
)
LOGOUT_EXAMPLES = examples("heavylift logout --profile work")
WHOAMI_EXAMPLES = examples("heavylift whoami", "heavylift whoami --json | jq -r .project")


def login(context: typer.Context) -> None:
    """Try a server and a key to it, and keep both for later commands, in a profile.

    Asks for what is not given. The key is not shown while it is typed; from a pipe, it is the
    first line. An empty key is for a server that asks for none.
    """
    from heavylift.cli import profiles
    from heavylift.client.locating import Given, locate
    from heavylift.client.profiles import Profile as Kept

    options = options_of(context)
    name = _named(context)
    profiles.check()
    url = _checked(options.base_url or _asked_url())
    key = (options.api_key if options.api_key is not None else _asked_key()).strip()
    server = Server(found=locate(Given(url=url, key=key, ca_cert=options.ca_cert)), timeout=options.timeout)
    with said(server):
        from heavylift.client.client import Heavylift

        with Heavylift.of(server.setting(retries=BRIEF)) as client:
            identity = _identity(client)
        believed = server.found.trust.file
        ca = None if believed is None else os.path.abspath(os.path.expanduser(believed))
        kept = profiles.keep(name, Kept(base_url=url, api_key=key, ca_cert=ca))
    project = f", project {one_line(identity.project)}" if identity and identity.project else ""
    opened = f"The key opens {url}" if key else f"{url} asks for no key"
    typer.echo(f"{opened}{project}. Kept as profile {name} in {kept}")


def logout(context: typer.Context) -> None:
    """Forget a profile that `heavylift login` has kept. The key stays valid on its server."""
    from heavylift.cli import profiles

    name = _named(context)
    profiles.check()
    known = profiles.forget(name)
    typer.echo(f"Forgot the profile {name}." if known else f"There is no profile {name}.")


def whoami(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the server, its version, the project, and where the key came from."""
    from heavylift.cli.failures import in_words_of_commands

    with connected(context) as client:
        identity = _identity(client)
    found = server_of(context).found
    facts: dict[str, Any] = {
        "server": found.url,
        "server_from": in_words_of_commands(found.url_name),
        "version": identity.version if identity else None,
        "project": identity.project if identity else None,
        "key_from": in_words_of_commands(found.key_name) if found.key else None,
    }
    if as_json:
        show_json(facts)
        return
    unknown = {"version": "not told", "project": "not told", "key_from": "no key is sent"}
    show_fields({name: str(unknown[name] if value is None else value) for name, value in facts.items()})


def _identity(client: "Heavylift") -> "Identity | None":
    """Who one is; None on a server that does not tell, but takes the key."""
    from heavylift.client.errors import SDKError
    from heavylift.client.operations.identity import whoami as ask

    try:
        return client.driver.run(ask())
    except SDKError:  # others answer 404, or what their gateway thinks of: the list is what all have
        next(iter(client.files.list_files(limit=1)), None)
    return None


def _named(context: typer.Context) -> str:
    """The profile that is meant."""
    from heavylift.client import profiles
    from heavylift.client.locating import PROFILE

    given = options_of(context).profile or os.environ.get(PROFILE, "").strip()
    name = (given or profiles.DEFAULT).strip()
    if not name.isprintable() or not 0 < len(name) <= profiles.LONGEST_NAME:
        fail(f"{name!r} is no name of a profile: it has 1 to 100 characters.", status=USAGE)
    return name


def _checked(url: str) -> str:
    from heavylift.client.errors import HeavyliftError
    from heavylift.client.origins import checked_url

    try:
        return checked_url(url)
    except HeavyliftError as error:
        fail(f"{error}.", status=USAGE)


def _asked_url() -> str:
    from heavylift.client.local import LOCAL_SERVER

    said_elsewhere = os.environ.get("HEAVYLIFT_BASE_URL", "").strip()
    if not sys.stdin.isatty():
        return said_elsewhere or fail("--base-url must say which server it is.", status=USAGE)
    return _prompt("Server URL", default=said_elsewhere or LOCAL_SERVER).strip()


def _asked_key() -> str:
    """Typed without an echo, or the first line of a pipe."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return _prompt("API key", default="", show_default=False, hide_input=True)


def _prompt(text: str, **more: Any) -> str:
    try:
        return str(typer.prompt(text, err=True, **more))
    except typer.Abort:
        interrupted("interrupted, and nothing is kept.")
