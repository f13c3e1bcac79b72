"""Conformance case 122: our answers through schemas as closed as those of the TypeScript SDK of 2024."""

from typing import Annotated, Literal

import httpx2
import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tests.e2e.wire import Json, add_file, add_part, completed, create, good, send_complete, send_part

Purpose = Literal[
    "assistants", "assistants_output", "batch", "batch_output", "fine-tune", "fine-tune-results", "vision"
]

Missing = Field(default=None, validate_default=False)
"""Optional, and never null: a default is not validated, a null that was sent is refused."""


class Closed(BaseModel):
    """No number in a string, no string for a number; unknown keys are dropped, as that SDK drops them."""

    model_config = ConfigDict(strict=True, extra="ignore")


class SeedFile(Closed):
    id: str
    bytes: int
    created_at: int
    filename: str
    object: Literal["file"]
    purpose: Purpose
    status: Literal["uploaded", "processed", "error"]
    status_details: Annotated[str, Missing]


class SeedUpload(Closed):
    id: str
    created_at: int
    filename: str
    bytes: int
    purpose: str
    status: Literal["pending", "completed", "cancelled", "expired"]
    expires_at: int
    object: Literal["upload"]
    file: Annotated[SeedFile, Missing]


class SeedPart(Closed):
    id: str
    created_at: int
    upload_id: str
    object: Literal["upload.part"]


class SeedList(Closed):
    data: list[SeedFile]
    object: Literal["list"]


class SeedDeleted(Closed):
    id: str
    object: Literal["file"]
    deleted: bool


def read(model: type[BaseModel], body: Json) -> None:
    """Parse an answer. Nothing in it may be null, unless it is a field that this SDK does not know."""
    model.model_validate(body)


@pytest.mark.parametrize("purpose", ["assistants", "batch", "fine-tune", "vision"])
def test_case_122_closed_schemas_take_every_answer_of_the_four_purposes(
    alone: httpx2.Client, purpose: str
) -> None:
    name, kind = {"vision": ("x.png", "image/png"), "assistants": ("x.txt", "text/plain")}.get(
        purpose, ("x.jsonl", "text/jsonl")
    )
    described = {"purpose": purpose, "filename": name, "mime_type": kind}
    upload = create(alone, 3, **described)
    read(SeedUpload, upload)
    read(SeedPart, good(send_part(alone, upload["id"], b"abc")))
    parts = [part["id"] for part in good(alone.get(f"/uploads/{upload['id']}/parts"))["data"]]
    done = good(send_complete(alone, upload["id"], parts))
    read(SeedUpload, done)
    read(SeedUpload, good(alone.post(f"/uploads/{create(alone, 3, **described)['id']}/cancel")))
    read(SeedFile, add_file(alone, filename=name, purpose=purpose))
    read(SeedFile, good(alone.get(f"/files/{done['file']['id']}")))
    read(SeedList, good(alone.get("/files")))
    read(SeedDeleted, good(alone.delete(f"/files/{done['file']['id']}")))


def test_the_closed_schemas_do_refuse_null(api: httpx2.Client) -> None:
    with pytest.raises(ValidationError):
        read(SeedUpload, create(api, 3) | {"file": None})
    with pytest.raises(ValidationError):
        read(
            SeedFile,
            completed(api, b"x", purpose="batch", filename="x.jsonl")["file"] | {"status_details": None},
        )
    assert add_part(api, create(api, 3)["id"], b"x")
