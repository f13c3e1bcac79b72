"""The command `heavylift`: all its subcommands in one place."""

from typing import Annotated

import typer

from heavylift._version import __version__
from heavylift.cli import keys, migrate, projects, serve, settings, sweep

app = typer.Typer(
    name="heavylift",
    help="Upload large files in parts, by OpenAI's Uploads and Files protocol, on your own machines.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they may hold a key
)
app.command("serve")(serve.serve)
app.command("sweep")(sweep.sweep)
app.command("migrate")(migrate.migrate)
app.command("settings")(settings.show_settings)
app.add_typer(keys.app, name="keys")
app.add_typer(projects.app, name="projects")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"heavylift {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Upload large files in parts, by OpenAI's Uploads and Files protocol, on your own machines."""


def main() -> None:
    """Run the command line."""
    app()
