"""`heavylift projects`: the tenants of this installation."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from heavylift.cli.local import Config, Data, load_settings, with_stores
from heavylift.cli.output import AsJson, examples, show_table

if TYPE_CHECKING:
    from heavylift.service.ports import Project
    from heavylift.stores import Stores

app = typer.Typer(help="Projects: nothing of one is visible to another.", no_args_is_help=True)


@app.command("create", epilog=examples("heavylift projects create team-a"))
def create(
    name: Annotated[str, typer.Argument(help="The project's name.")],
    config: Config = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a project. `heavylift keys create --project NAME` makes a key to it."""
    settings = load_settings(config, data=data)

    from heavylift.stores import make_keys

    async def work(stores: "Stores") -> "Project":
        return await make_keys(stores).add_project(name)

    project = with_stores(settings, work)
    typer.echo(json.dumps(asdict(project)) if as_json else project.id)


@app.command("list", epilog=examples("heavylift projects list"))
def list_projects(config: Config = None, data: Data = None, as_json: AsJson = False) -> None:
    """List projects."""
    settings = load_settings(config, data=data)

    from heavylift.stores import make_keys

    async def work(stores: "Stores") -> "Sequence[Project]":
        return await make_keys(stores).projects()

    projects = with_stores(settings, work)
    if as_json:
        typer.echo(json.dumps([asdict(project) for project in projects]))
        return
    show_table(("id", "name"), ((project.id, project.name) for project in projects))
