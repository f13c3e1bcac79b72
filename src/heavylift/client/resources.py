"""`client.uploads` and `client.files`, for either client: the functions, unwrapped."""

from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar, overload

from heavylift.client import funcs
from heavylift.client.content import AsyncContent, Content
from heavylift.client.disk.targets import Destination
from heavylift.client.methods import AsyncListing, AsyncMethod, Listing, Method
from heavylift.client.models import DownloadedFile
from heavylift.client.openai_names.resources import (
    AsyncFilesNames,
    AsyncUploadsNames,
    FilesNames,
    UploadsNames,
)
from heavylift.client.options import RequestOptions
from heavylift.client.progress import OnProgress
from heavylift.client.requests import arguments
from heavylift.client.stories.download import RANGE_SIZE

C = TypeVar("C")
S = TypeVar("S")


def _content_or_saved(
    content: Callable[..., C],
    save: Callable[..., S],
    file_id: str | Mapping[str, Any],
    options: RequestOptions | None,
    wishes: dict[str, Any],
) -> C | S:
    """What `download_file` gives: with a `to`, also in the request object, it is saved."""
    wishes = wishes if options is None else {**wishes, "options": options}
    request = file_id if isinstance(file_id, Mapping) else {}
    if wishes.get("to", request.get("to")) is not None:
        return save(file_id, **wishes)
    args, wishes = arguments(content, (file_id,), wishes)
    return content(*args, **wishes)


class Uploads(UploadsNames):
    """Operations on Uploads."""

    create_upload = Method(funcs.uploads_create_upload)
    add_upload_part = Method(funcs.uploads_add_upload_part)
    complete_upload = Method(funcs.uploads_complete_upload)
    cancel_upload = Method(funcs.uploads_cancel_upload)
    get_upload = Method(funcs.uploads_get_upload)
    list_uploads = Listing(funcs.uploads_list_uploads)
    list_upload_parts = Listing(funcs.uploads_list_upload_parts)
    upload_file = Method(funcs.uploads_upload_file)
    resume_upload = Method(funcs.uploads_resume_upload)


class AsyncUploads(AsyncUploadsNames):
    """Operations on Uploads, to be awaited."""

    create_upload = AsyncMethod(funcs.uploads_create_upload)
    add_upload_part = AsyncMethod(funcs.uploads_add_upload_part)
    complete_upload = AsyncMethod(funcs.uploads_complete_upload)
    cancel_upload = AsyncMethod(funcs.uploads_cancel_upload)
    get_upload = AsyncMethod(funcs.uploads_get_upload)
    list_uploads = AsyncListing(funcs.uploads_list_uploads)
    list_upload_parts = AsyncListing(funcs.uploads_list_upload_parts)
    upload_file = AsyncMethod(funcs.uploads_upload_file)
    resume_upload = AsyncMethod(funcs.uploads_resume_upload)


class Files(FilesNames):
    """Operations on Files."""

    create_file = Method(funcs.files_create_file)
    list_files = Listing(funcs.files_list_files)
    retrieve_file = Method(funcs.files_retrieve_file)
    delete_file = Method(funcs.files_delete_file)
    save_file = Method(funcs.files_download_file)
    upload_files = Method(funcs.files_upload_files)
    download_files = Method(funcs.files_download_files)

    @overload
    def download_file(
        self,
        file_id: str,
        *,
        to: None = None,
        start: int = 0,
        end: int | None = None,
        options: RequestOptions | None = None,
    ) -> Content: ...
    @overload
    def download_file(
        self,
        file_id: str,
        *,
        to: Destination,
        max_concurrency: int = 4,
        range_size: int = RANGE_SIZE,
        resume: bool = True,
        overwrite: bool = True,
        on_progress: OnProgress | None = None,
        options: RequestOptions | None = None,
    ) -> DownloadedFile: ...
    @overload
    def download_file(
        self, request: Mapping[str, Any], options: RequestOptions | None = None, /
    ) -> Content: ...
    def download_file(
        self,
        file_id: str | Mapping[str, Any],
        options: RequestOptions | None = None,
        *,
        to: Destination | None = None,
        **wishes: Any,
    ) -> Content | DownloadedFile:
        """Without `to`, the bytes to iterate over, from `start` to before `end`; else onto the disk.

        Onto the disk means: in parallel ranges, resumable, verified, and put in place whole. `to`
        may be an open file too, or the path of a pipe: then they are poured out in order.
        """
        content = partial(Content, self.driver)
        return _content_or_saved(
            content, self.save_file, file_id, options, wishes | ({} if to is None else {"to": to})
        )


class AsyncFiles(AsyncFilesNames):
    """Operations on Files, to be awaited."""

    create_file = AsyncMethod(funcs.files_create_file)
    list_files = AsyncListing(funcs.files_list_files)
    retrieve_file = AsyncMethod(funcs.files_retrieve_file)
    delete_file = AsyncMethod(funcs.files_delete_file)
    save_file = AsyncMethod(funcs.files_download_file)
    upload_files = AsyncMethod(funcs.files_upload_files)
    download_files = AsyncMethod(funcs.files_download_files)

    @overload
    def download_file(
        self,
        file_id: str,
        *,
        to: None = None,
        start: int = 0,
        end: int | None = None,
        options: RequestOptions | None = None,
    ) -> AsyncContent: ...
    @overload
    def download_file(
        self,
        file_id: str,
        *,
        to: Destination,
        max_concurrency: int = 4,
        range_size: int = RANGE_SIZE,
        resume: bool = True,
        overwrite: bool = True,
        on_progress: OnProgress | None = None,
        options: RequestOptions | None = None,
    ) -> Coroutine[Any, Any, DownloadedFile]: ...
    @overload
    def download_file(
        self, request: Mapping[str, Any], options: RequestOptions | None = None, /
    ) -> AsyncContent: ...
    def download_file(
        self,
        file_id: str | Mapping[str, Any],
        options: RequestOptions | None = None,
        *,
        to: Destination | None = None,
        **wishes: Any,
    ) -> AsyncContent | Coroutine[Any, Any, DownloadedFile]:
        """Without `to`, the bytes to iterate over, from `start` to before `end`; else onto the disk.

        Onto the disk means: in parallel ranges, resumable, verified, and put in place whole. `to`
        may be an open file too, or the path of a pipe: then they are poured out in order.
        """
        content = partial(AsyncContent, self.driver)
        return _content_or_saved(
            content, self.save_file, file_id, options, wishes | ({} if to is None else {"to": to})
        )
