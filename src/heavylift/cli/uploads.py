"""`heavylift uploads`: look at Uploads, give them up, and the protocol's four operations one by one."""

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from heavylift.cli import amounts, completing
from heavylift.cli.connection import connected, server_of
from heavylift.cli.exits import USAGE, fail
from heavylift.cli.files import Limit, Order
from heavylift.cli.output import AsJson, View, Wide, examples, show_list, show_object

if TYPE_CHECKING:
    from heavylift.client.models import Upload, UploadPart
    from heavylift.client.sources import FileInput, FileSlice

app = typer.Typer(
    help="Uploads: files in the making. `heavylift upload` does all of this at once.", no_args_is_help=True
)

Status = Annotated[
    Literal["pending", "completed", "cancelled", "expired"] | None,
    typer.Option(help="Only of this status.", show_default=False),
]
Id = Annotated[
    str, typer.Argument(metavar="UPLOAD_ID", help="The Upload's id.", autocompletion=completing.uploads)
]
Ids = Annotated[
    list[str],
    typer.Argument(metavar="UPLOAD_ID...", help="The ids of Uploads.", autocompletion=completing.uploads),
]
IdOption = Annotated[
    str, typer.Option("--upload-id", metavar="ID", help="The Upload's id.", autocompletion=completing.uploads)
]


@app.command("ls", hidden=True)
@app.command("list", epilog=examples("heavylift uploads list --status pending"))
def list_uploads(
    context: typer.Context,
    status: Status = None,
    limit: Limit = None,
    order: Order = "desc",
    wide: Wide = False,
    as_json: AsJson = False,
) -> None:
    """List Uploads, newest first. Heavylift servers only."""
    with connected(context) as client:
        found = client.uploads.list_uploads(status=status, limit=limit, order=order)
        show_list(found, FULL, BRIEF, wide=wide, as_json=as_json)


def _full(upload: "Upload") -> tuple[str, ...]:
    received = "" if upload.bytes_received is None else amounts.show_bytes(upload.bytes_received)
    size, expires = amounts.show_bytes(upload.bytes), amounts.show_moment(upload.expires_at)
    return (upload.id, upload.filename, upload.status, received, size, upload.purpose, expires)


def _brief(upload: "Upload") -> tuple[str, ...]:
    size, expires = amounts.show_bytes(upload.bytes), amounts.show_ago(upload.expires_at, time.time())
    return (upload.id, upload.filename, upload.status, size, expires if upload.status == "pending" else "")


FULL = View(("id", "name", "status", "received", "size", "purpose", "expires"), _full)
BRIEF = View(("id", "name", "status", "size", "expires"), _brief)


@app.command(
    "create",
    epilog=examples(
        "UPLOAD=$(heavylift uploads create --filename two.bin --purpose user_data --bytes 6"
        " --mime-type application/octet-stream --json | jq -r .id)"
    ),
)
def create(
    context: typer.Context,
    bytes: Annotated[int, typer.Option(metavar="SIZE", parser=amounts.size, help="Size of the whole file.")],
    filename: Annotated[str, typer.Option(help="Its name.")],
    mime_type: Annotated[str, typer.Option(help="Its MIME type.")],
    purpose: Annotated[str, typer.Option(help="What the File is for.", autocompletion=completing.purposes)],
    expires_after: amounts.ExpiresAfter = None,
    as_json: AsJson = False,
) -> None:
    """Announce a file: an Upload that takes parts for an hour."""
    with connected(context) as client:
        made = client.uploads.create_upload(
            filename=filename, purpose=purpose, bytes=bytes, mime_type=mime_type, expires_after=expires_after
        )
    show_object(made, as_json=as_json)


@app.command("show", epilog=examples('heavylift uploads show "$UPLOAD"'))
def show(context: typer.Context, upload_id: Ids, as_json: AsJson = False) -> None:
    """Show Uploads and what they have received. Heavylift servers only."""
    from heavylift.cli.several import for_each

    with connected(context) as client:

        def one(name: str) -> None:
            show_object(client.uploads.get_upload(upload_id=name), as_json=as_json)

        for_each(server_of(context), upload_id, one)


@app.command(
    "add-part",
    epilog=examples(
        'PART_1=$(printf abc | heavylift uploads add-part --upload-id "$UPLOAD" --data @- --json'
        " | jq -r .id)",
        'PART_2=$(heavylift uploads add-part --upload-id "$UPLOAD" --data @big.jsonl --length 3 --json'
        " | jq -r .id)",
    ),
)
def add_part(
    context: typer.Context,
    upload_id: IdOption,
    data: Annotated[str, typer.Option(metavar="@FILE", help="The part's bytes; @- is standard input.")],
    offset: Annotated[
        int | None,
        typer.Option(metavar="SIZE", parser=amounts.size, help="Where in the file the part begins."),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(metavar="SIZE", parser=amounts.size, help="Its length. Default: the rest of the file."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send one part: a file, or a stretch of it."""
    part = _data(data, offset=offset or 0, length=length)
    with connected(context) as client:
        sent = client.uploads.add_upload_part(upload_id=upload_id, data=part)
    show_object(sent, as_json=as_json)


def _data(given: str, *, offset: int, length: int | None) -> "FileInput | FileSlice":
    """What `--data` names."""
    if len(given) < 2 or not given.startswith("@"):
        fail("--data names a file: --data @FILE, or --data @- for standard input.", status=USAGE)
    path = given[1:]
    if path != "-" and not offset and length is None:
        return path
    if path == "-":
        if offset or length is not None:
            fail("--offset and --length need a file, not standard input.", status=USAGE)
        return sys.stdin.buffer
    return _slice(path, offset, length)


def _slice(path: str, offset: int, length: int | None) -> "FileSlice":
    from heavylift.client.sources import FileSlice

    try:
        size = os.stat(path).st_size
    except (OSError, ValueError) as error:
        fail(f"{path}: {getattr(error, 'strerror', None) or error}. Check the path.", status=USAGE)
    rest = size - offset
    if rest < (length or 1):
        fail(f"{path} has {size} bytes: there are not {length or 1} from {offset} on.", status=USAGE)
    return FileSlice(path, offset, rest if length is None else length)


@app.command("parts", epilog=examples('heavylift uploads parts "$UPLOAD"'))
def parts(
    context: typer.Context, upload_id: Id, limit: Limit = None, wide: Wide = False, as_json: AsJson = False
) -> None:
    """List the parts that an Upload has. Heavylift servers only."""
    with connected(context) as client:
        found = client.uploads.list_upload_parts(upload_id, limit=limit)
        show_list(found, View(PARTS, _part), View(PARTS, _brief_part), wide=wide, as_json=as_json)


PARTS = ("id", "bytes", "checksum", "created")


def _part(part: "UploadPart") -> tuple[str, ...]:
    return (part.id, str(part.bytes), part.checksum or "", amounts.show_moment(part.created_at))


def _brief_part(part: "UploadPart") -> tuple[str, ...]:
    return (*_part(part)[:3], amounts.show_ago(part.created_at, time.time()))


@app.command(
    "complete",
    epilog=examples(
        'heavylift uploads complete --upload-id "$UPLOAD" --part-id "$PART_2" --part-id "$PART_1"'
    ),
)
def complete(
    context: typer.Context,
    upload_id: IdOption,
    part_id: Annotated[
        list[str], typer.Option("--part-id", metavar="ID", help="A part; once for each, in their order.")
    ],
    md5: Annotated[
        str | None, typer.Option(help="Hex digest of the whole file, to be checked.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a File of these parts, in this order. Safe to repeat."""
    with connected(context) as client:
        done = client.uploads.complete_upload(upload_id=upload_id, part_ids=part_id, md5=md5)
    show_object(done, as_json=as_json)


@app.command("rm", hidden=True)
@app.command(
    "cancel",
    epilog=examples(
        "OTHER=$(heavylift uploads create --filename x --purpose user_data --bytes 1G --mime-type text/plain"
        " --json | jq -r .id)",
        'heavylift uploads cancel "$OTHER"',
    ),
)
def cancel(
    context: typer.Context,
    upload_id: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="UPLOAD_ID...",
            help="The ids of Uploads.",
            show_default=False,
            autocompletion=completing.uploads,
        ),
    ] = None,
    option: Annotated[
        str | None, typer.Option("--upload-id", metavar="ID", help="The same.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give Uploads up: their parts are dropped. Safe to repeat."""
    from heavylift.cli.several import for_each

    chosen = [*(upload_id or ()), *([option] if option else ())]
    if not chosen:
        fail("name an Upload: heavylift uploads cancel UPLOAD_ID", status=USAGE)
    with connected(context) as client:

        def one(name: str) -> None:
            show_object(client.uploads.cancel_upload(upload_id=name), as_json=as_json)

        for_each(server_of(context), chosen, one)
