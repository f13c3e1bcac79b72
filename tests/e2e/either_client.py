"""One script for openai-python's client and ours: `python -m tests.e2e.either_client MODULE CLASS`.

What it prints must be the same, whichever of them runs it.
"""

import importlib
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

LINES = b'{"custom_id": "1"}\n' * 1000


def small_files(client: Any) -> None:
    """Files: made in every way, listed, read, deleted."""
    folder = Path(tempfile.mkdtemp())
    path = folder / "from disk.jsonl"
    path.write_bytes(LINES)
    made = [
        client.files.create(file=path, purpose="batch"),
        client.files.create(file=path.open("rb"), purpose="batch"),
        client.files.create(file=("named.jsonl", LINES), purpose="batch"),
        client.files.create(file=("typed.jsonl", io.BytesIO(LINES), "application/jsonl"), purpose="batch"),
        client.files.create(
            file=("expires.txt", b"x"),
            purpose="user_data",
            expires_after={"anchor": "created_at", "seconds": 3600},
        ),
    ]
    print([(file.filename, file.bytes, file.purpose, file.status, file.object) for file in made])
    print(made[-1].expires_at - made[-1].created_at)
    page = client.files.list(purpose="batch", limit=3, order="asc")
    print(len(page.data), page.data[0].filename, page.has_next_page(), page.has_more)
    print([file.filename for file in page])
    print([len(each.data) for each in page.iter_pages()])
    print([file.filename for file in page.get_next_page()])
    file = client.files.retrieve(made[0].id)
    print(file.id == made[0].id, client.files.wait_for_processing(file.id).status)
    content = client.files.content(file.id)
    print(content.read() == LINES, content.content == LINES, content.text[:18])
    print(b"".join(content.iter_bytes(100)) == LINES, len(list(content.iter_lines())))
    content.write_to_file(folder / "copy")
    print((folder / "copy").read_bytes() == LINES)
    for each in made:
        gone = client.files.delete(each.id)
        print(gone.deleted, gone.object, gone.id == each.id)


def uploads(client: Any) -> None:
    """Uploads: by hand, and in one call."""
    begun = client.uploads.create(bytes=6, filename="two.bin", mime_type="text/plain", purpose="user_data")
    print(begun.status, begun.object, begun.bytes, begun.expires_at - begun.created_at)
    second = client.uploads.parts.create(begun.id, data=b"def")
    first = client.uploads.parts.create(upload_id=begun.id, data=io.BytesIO(b"abc"))
    print(second.object, second.upload_id == begun.id)
    done = client.uploads.complete(begun.id, part_ids=[first.id, second.id])
    print(done.status, done.file.filename, client.files.content(done.file.id).read())
    other = client.uploads.create(bytes=1, filename="o", mime_type="text/plain", purpose="user_data")
    print(client.uploads.cancel(other.id).status)
    path = Path(tempfile.mkdtemp()) / "chunked.jsonl"
    path.write_bytes(LINES)
    chunked = client.uploads.upload_file_chunked(
        file=path, mime_type="application/jsonl", purpose="batch", part_size=5000
    )
    print(chunked.status, chunked.file.bytes)
    memory = client.uploads.upload_file_chunked(
        file=LINES, filename="m.jsonl", bytes=len(LINES), mime_type="application/jsonl", purpose="batch"
    )
    print(memory.status, memory.filename)


def options(client: Any) -> None:
    """Clients that are set otherwise, single calls too, and raw answers."""
    quick = client.with_options(timeout=20.0, max_retries=0, default_headers={"X-Trace": "1"})
    raw = quick.files.with_raw_response.list(limit=1, extra_headers={"X-More": "2"}, timeout=9)
    print(raw.status_code, raw.headers["Content-Type"], bool(raw.request_id), raw.parse().object)
    made = client.files.with_raw_response.create(file=("r.txt", b"x"), purpose="user_data")
    print(made.status_code, made.parse().filename)
    begun = client.uploads.with_raw_response.create(
        bytes=1, filename="o", mime_type="text/plain", purpose="user_data"
    )
    part = client.uploads.parts.with_raw_response.create(begun.parse().id, data=b"x")
    print(part.parse().object, client.with_raw_response.files.retrieve(made.parse().id).parse().filename)


def refusals(client: Any, module: Any) -> None:
    """Errors by the same names, with the same attributes."""
    for ask, kind in (
        (lambda: client.files.retrieve("file-none"), module.NotFoundError),
        (lambda: client.files.content("file-none"), module.NotFoundError),
        (lambda: client.uploads.cancel("upload_none"), module.NotFoundError),
        (lambda: client.files.create(file=("a", b"x"), purpose="no-such"), module.BadRequestError),
        (client.with_options(api_key="wrong").files.list, module.AuthenticationError),
    ):
        try:
            ask()
        except kind as error:
            print(
                kind.__name__, error.status_code, error.code, error.param, error.type, bool(error.request_id)
            )
            print(bool(error.message))


def main() -> None:
    """All of it."""
    module = importlib.import_module(sys.argv[1])
    client = getattr(module, sys.argv[2])(timeout=60, max_retries=1, default_headers={"X-Own": "yes"})
    small_files(client)
    uploads(client)
    options(client)
    refusals(client, module)
    client.close()


if __name__ == "__main__":
    main()
