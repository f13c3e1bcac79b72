"""A client that openapi-python-client has made of our document: creates, sends, completes, downloads."""

import io
import json
import sys
from typing import Any

from heavylift_client import AuthenticatedClient
from heavylift_client.api.files import create_file, download_file
from heavylift_client.api.uploads import add_upload_part, complete_upload, create_upload
from heavylift_client.models import (
    AddUploadPartFilesBody,
    CompleteUploadBody,
    CreateFileBody,
    CreateUploadBody,
)
from heavylift_client.types import File

url, key = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key)


def file(data: bytes) -> Any:
    """As the generated client wants it."""
    return File(payload=io.BytesIO(data), file_name="part", mime_type="application/octet-stream")


upload: Any = create_upload.sync(
    client=client, body=CreateUploadBody(filename="two.txt", bytes_=6, mime_type="text/plain")
)
parts: list[Any] = [
    add_upload_part.sync(upload.id, client=client, body=body)
    for body in (AddUploadPartFilesBody(data=file(b"abc")), file(b"def"))
]
done: Any = complete_upload.sync(
    upload.id, client=client, body=CompleteUploadBody(part_ids=[part.id for part in parts])
)
content: Any = download_file.sync(done.file.id, client=client)
posted: Any = create_file.sync(client=client, body=CreateFileBody(file=file(b"abcdef")))
print(
    json.dumps(
        {
            "status": done.status,
            "purpose": posted.purpose,
            "same": posted.checksum == done.file.checksum,
            "content": content.payload.read().decode(),
        }
    )
)
