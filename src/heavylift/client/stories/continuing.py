"""What is left to do of an Upload that was begun earlier: how it is cut, and which of its Parts are there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from heavylift.client.calls import Flow
from heavylift.client.errors import HeavyliftError, ResumeError, SDKError, SDKValidationError
from heavylift.client.journal import PieceDone, Size
from heavylift.client.models import CompletedUpload, Upload, told_bytes
from heavylift.client.operations.wire import segment
from heavylift.client.options import RequestOptions
from heavylift.client.sources import Local
from heavylift.client.stories.endings import ends_upload
from heavylift.client.stories.layout import (
    LARGEST_PART,
    MOST_PARTS,
    Layout,
    fitting_part_size,
    guessed_part_size,
)
from heavylift.client.stories.resuming import (
    Arrived,
    Standing,
    Untold,
    parts_in_journal,
    parts_on_server,
    require_done,
    verify,
)


def _id(value: str) -> str:
    try:
        if value:
            segment("upload_id", value)
    except SDKValidationError as error:
        raise ValueError(str(error)) from None
    return value


class Begun(BaseModel):
    """The first line of an upload's journal. `owner` marks the key and project, and tells neither.

    The id is empty while the Upload is being created, under the idempotency key that is noted: whoever
    is killed before the answer is written down asks again under the same one, and gets the same Upload.
    """

    model_config = ConfigDict(strict=True)

    kind: Literal["upload"] = "upload"
    upload_id: Annotated[str, Field(max_length=1000), AfterValidator(_id)]
    server_url: str
    owner: str = ""
    path: str
    size: Size
    part_size: Annotated[int, Field(ge=1, le=LARGEST_PART)]
    key: Annotated[str, Field(pattern=r"^[!-~]{0,255}$")] = ""

    @model_validator(mode="after")
    def _has_id_or_key(self) -> "Begun":
        if not self.upload_id and not self.key:
            raise ValueError("it names no Upload")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """The Parts of this layout that have arrived, by number; all others are to be sent."""

    layout: Layout
    arrived: dict[int, PieceDone]
    told: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuing:
    """An Upload that may be gone on with, and what the journal knows of it. A `part_size` is obeyed."""

    upload_id: str
    local: Local
    part_size: int | None
    earlier: tuple[Begun, list[PieceDone]] | None
    options: RequestOptions

    def rest(self, standing: Standing) -> Flow[Rest | CompletedUpload]:
        """What is left to deliver, or the Upload if it is completed already, and truly.

        Raises ResumeError when it cannot be gone on with, and says why.
        """
        if standing == "gone":
            raise ResumeError(f"There is no Upload {self.upload_id} any more")
        if isinstance(standing, Upload) and standing.status == "completed":
            yield from require_done(self.local, standing, self.options)
            return CompletedUpload.of(standing)
        if isinstance(standing, Upload) and standing.status != "pending":
            raise ResumeError(f"The Upload {self.upload_id} is {standing.status}")
        declared, arrived, told = yield from self._parts(standing)
        if declared not in {None, self.local.size}:
            raise ResumeError(f"The Upload is of {declared} bytes, but the file has {self.local.size}")
        return (yield from self._fit(arrived, told=told))

    def _parts(self, standing: Upload | Untold) -> Flow[tuple[int | None, list[Arrived], bool]]:
        """The declared size where it is told, the Parts there are, and whether the server told of them."""
        if isinstance(standing, Upload):
            declared = told_bytes(standing)
            try:
                return declared, (yield from parts_on_server(self.upload_id, self.options)), True
            except (SDKError, SDKValidationError) as error:
                if self.earlier is None or ends_upload(error):
                    raise
                return declared, parts_in_journal(self.earlier[1]), False
        if self.earlier is None:
            raise _unknown(self.upload_id, standing.error) from standing.error
        return self.earlier[0].size, parts_in_journal(self.earlier[1]), False

    def _fit(self, arrived: Sequence[Arrived], *, told: bool) -> Flow[Rest]:
        """The first of the layouts that may be meant which still has room in the Upload."""
        needed = 0
        for part_size in self._part_sizes([part.length for part in arrived]):
            layout = Layout(size=self.local.size, part_size=part_size)
            needed = layout.count
            if needed > MOST_PARTS:
                continue
            found = yield from verify(self.local, layout, arrived)
            needed = layout.count - len(found)
            if needed + len(arrived) <= MOST_PARTS:
                return Rest(layout=layout, arrived=found, told=told)
        raise ResumeError(
            f"The Upload {self.upload_id} holds {len(arrived)} Parts of at most {MOST_PARTS}, and {needed} "
            "more would be needed. Name a larger part_size, or upload the file anew"
        )

    def _part_sizes(self, lengths: Sequence[int]) -> list[int]:
        """What was asked for; else what the journal knows, what the Parts tell, and what fits."""
        if self.part_size is not None:
            return [self.part_size]
        size = self.local.size
        guessed = guessed_part_size(size, lengths) if self.earlier is None else self.earlier[0].part_size
        return [*([] if guessed is None else [guessed]), fitting_part_size(size)]


def _unknown(upload_id: str, error: HeavyliftError) -> HeavyliftError:
    """Why nobody can tell: without such an operation, or because the key may not ask."""
    if isinstance(error, SDKError) and error.status_code in {401, 403, 500}:
        return error
    return ResumeError(
        "This server cannot tell which parts it has, and this machine's journal does not know "
        f"{upload_id}. Upload the file anew with upload_file"
    )
