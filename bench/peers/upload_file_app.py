"""The obvious server: FastAPI's UploadFile into a file, as most tutorials have it."""

import os
import uuid
from pathlib import Path

from fastapi import FastAPI, UploadFile

FOLDER = Path(os.environ["FOLDER"])
CHUNK = 1024 * 1024

app = FastAPI()


@app.post("/upload")
async def upload(data: UploadFile) -> dict[str, str]:
    """Store the form's file."""
    name = uuid.uuid4().hex
    with (FOLDER / name).open("wb") as file:
        while chunk := await data.read(CHUNK):
            file.write(chunk)
    return {"id": name}
