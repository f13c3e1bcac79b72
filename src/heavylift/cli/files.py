"""`heavylift files`: look at Files, download and delete them."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from heavylift.cli import download
from heavylift.cli.amounts import show_bytes, show_moment
from heavylift.cli.connection import connected
from heavylift.cli.output import AsJson, examples, show_list, show_object

if TYPE_CHECKING:
    from heavylift.client.models import File

app = typer.Typer(help="Files: what completed Uploads have become.", no_args_is_help=True)
app.command("download", epilog=examples('heavylift files download "$FILE" --to again.jsonl'))(
    download.download
)

Limit = Annotated[int | None, typer.Option(min=1, help="At most so many.", show_default=False)]
Order = Annotated[Literal["desc", "asc"], typer.Option(help="desc: newest first.")]
COLUMNS = ("id", "name", "size", "purpose", "created", "expires")


@app.command(
    "list",
    epilog=examples("heavylift files list --purpose fine-tune", "heavylift files list --json | jq '.[0].id'"),
)
def list_files(
    context: typer.Context,
    purpose: Annotated[str | None, typer.Option(help="Only of this purpose.", show_default=False)] = None,
    limit: Limit = None,
    order: Order = "desc",
    as_json: AsJson = False,
) -> None:
    """List Files, newest first."""
    with connected(context) as client:
        files = client.files.list_files(purpose=purpose, limit=limit, order=order)
        show_list(COLUMNS, files, _row, as_json=as_json)


def _row(file: "File") -> tuple[str, ...]:
    times = show_moment(file.created_at), show_moment(file.expires_at)
    return (file.id, file.filename, show_bytes(file.bytes), file.purpose, *times)


@app.command("show", epilog=examples('heavylift files show "$FILE"'))
def show(context: typer.Context, file_id: download.FileId, as_json: AsJson = False) -> None:
    """Show what is known of one File."""
    with connected(context) as client:
        file = client.files.retrieve_file(file_id=file_id)
    show_object(file, as_json=as_json)


@app.command("delete", epilog=examples('heavylift files delete "$FILE"'))
def delete(context: typer.Context, file_id: download.FileId, as_json: AsJson = False) -> None:
    """Delete one File for good."""
    with connected(context) as client:
        receipt = client.files.delete_file(file_id=file_id)
    show_object(receipt, as_json=as_json)
