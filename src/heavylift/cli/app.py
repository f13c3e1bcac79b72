"""The command `heavylift`: all its subcommands in one place."""

import gc
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from heavylift._version import __version__
from heavylift.cli import (
    check,
    doctor,
    download,
    files,
    identity,
    keys,
    migrate,
    migrate_data,
    projects,
    serve,
    settings,
    streams,
    sweep,
    upload,
    uploads,
)
from heavylift.cli.connection import Options
from heavylift.cli.everywhere import PANEL, command, misused, speak
from heavylift.cli.exits import FAILED, complain, interrupted
from heavylift.cli.output import examples
from heavylift.cli.voice import VOICE

GARBAGE = 50_000
"""Allocations between two looks for cycles. Imports allocate much and drop nothing: with Python's 700, a
tenth of a start goes into looking."""


USAGE_ERROR: Any = typer.BadParameter.__base__
"""Whatever is wrong with a command line. The library does not name it in public."""


class Commands(TyperGroup):
    """All commands. Ctrl-C in one that says nothing better itself ends in one line, with the code for it."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read the command line."""
        try:
            return super().make_context(*args, **kwargs)
        except USAGE_ERROR as error:
            misused(error)
            raise
        except KeyboardInterrupt:
            interrupted("interrupted before anything was sent.")

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except USAGE_ERROR as error:
            misused(error)
            raise
        except KeyboardInterrupt:
            if ctx.invoked_subcommand == "serve":
                raise
            interrupted()


app = typer.Typer(
    cls=Commands,
    name="heavylift",
    help="Upload large files in parts, by OpenAI's Uploads and Files protocol, on your own machines.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",  # paragraphs are reflowed to the width of the terminal
    pretty_exceptions_enable=False,  # they show local variables, which may hold a key
)
app.command("upload", epilog=upload.EXAMPLES)(upload.upload)
app.command("check", epilog=check.EXAMPLES)(check.check)
app.command("download", epilog=download.EXAMPLES)(download.download)
app.add_typer(files.app, name="files")
for alias, meant in files.ALIASES.items():
    app.command(alias, hidden=True)(meant)
app.add_typer(uploads.app, name="uploads")
app.command("login", epilog=identity.LOGIN_EXAMPLES)(identity.login)
app.command("logout", epilog=identity.LOGOUT_EXAMPLES)(identity.logout)
app.command("whoami", epilog=identity.WHOAMI_EXAMPLES)(identity.whoami)
app.command("doctor", epilog=doctor.EXAMPLES)(doctor.doctor)
app.command("serve", epilog=examples("heavylift serve --data /srv/heavylift --workers 2"))(serve.serve)
app.command("sweep", epilog=examples("heavylift sweep --dry-run"))(sweep.sweep)
app.command("migrate", epilog=examples("heavylift migrate"))(migrate.migrate)
app.command("migrate-data", epilog=migrate_data.EXAMPLES)(migrate_data.migrate_data)
app.command("settings", epilog=examples("HEAVYLIFT_WORKERS=4 heavylift settings"))(settings.show_settings)
app.add_typer(keys.app, name="keys")
app.add_typer(projects.app, name="projects")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"heavylift {__version__}")
        raise typer.Exit


BaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The server, up to and with /v1. Variable: `HEAVYLIFT_BASE_URL`.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help='Its key; a variable keeps it out of the list of processes. "" for a server that asks for'
        " none. Variable: `HEAVYLIFT_API_KEY`.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Server and key that `heavylift login` has kept under that name. Variable: `HEAVYLIFT_PROFILE`.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
CaCert = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="PEM certificate of the server's own authority, believed in place of the system's."
        " Variable: `HEAVYLIFT_CA_CERT`.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        metavar="SECONDS",
        help="The longest silence of the network that is borne. Default: 120, of `doctor` 15.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="No bar and no remarks on standard error: failures alone.",
        rich_help_panel=PANEL,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Lines for each request and its answer, on standard error.",
        rich_help_panel=PANEL,
    ),
]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="No progress bar.", rich_help_panel=PANEL)]
Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
]


@app.callback()
def root(
    context: typer.Context,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
    profile: Profile = None,
    ca_cert: CaCert = None,
    timeout: Timeout = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_progress: NoProgress = False,
    version: Version = False,
) -> None:
    """Upload large files in parts, by OpenAI's Uploads and Files protocol, on your own machines.

    The options for server and key stand before the command or after it.
    """
    context.obj = Options(
        base_url=base_url, api_key=api_key, profile=profile, ca_cert=ca_cert, timeout=timeout
    )
    speak(quiet=quiet, verbose=verbose, no_progress=no_progress)


def main() -> None:
    """Run the command line. What nobody foresaw is one line too; HEAVYLIFT_DEBUG shows where it came from."""
    gc.set_threshold(GARBAGE)
    VOICE.begin(sys.argv[1:])
    if streams.stand_in_for_closed():
        complain(streams.CLOSED)
        sys.exit(FAILED)
    try:
        command(app)(prog_name="heavylift")
    except SystemExit as end:
        trouble = streams.flushed()
        if trouble and not end.code:
            complain(f"the answer could not be written: {trouble.strerror}.")
            sys.exit(FAILED)
        raise
    except Exception as error:
        streams.flushed()  # what cannot be written is not tried again at the end
        if os.environ.get("HEAVYLIFT_DEBUG"):
            raise
        if isinstance(error, OSError) and error.strerror:  # the machine's doing, not ours
            complain(f"{error.strerror}{'' if error.filename is None else f': {error.filename}'}")
            sys.exit(FAILED)
        complain(
            f"a bug: {type(error).__name__}: {error}. HEAVYLIFT_DEBUG=1 shows where it is; please report it."
        )
        sys.exit(FAILED)
