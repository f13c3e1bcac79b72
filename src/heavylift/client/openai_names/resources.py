"""The names on the resources: openai-python's beside ours, and `with_raw_response`."""

from heavylift.client.methods import AsyncMethod, Method, OnAsync, OnBlocking
from heavylift.client.openai_names import operations
from heavylift.client.openai_names.pages import AsyncPageMethod, PageMethod
from heavylift.client.openai_names.raw import AsyncRawMethod, RawMethod


class RawFiles(OnBlocking):
    """The operations on Files, with the answer itself."""

    create = RawMethod(operations.files_create)
    list = RawMethod(operations.files_list)
    retrieve = RawMethod(operations.files_retrieve)
    delete = RawMethod(operations.files_delete)
    content = RawMethod(operations.files_content)


class AsyncRawFiles(OnAsync):
    """The operations on Files, with the answer itself, to be awaited."""

    create = AsyncRawMethod(operations.files_create)
    list = AsyncRawMethod(operations.files_list)
    retrieve = AsyncRawMethod(operations.files_retrieve)
    delete = AsyncRawMethod(operations.files_delete)
    content = AsyncRawMethod(operations.files_content)


class RawParts(OnBlocking):
    """The operation on Parts, with the answer itself."""

    create = RawMethod(operations.parts_create)


class AsyncRawParts(OnAsync):
    """The operation on Parts, with the answer itself, to be awaited."""

    create = AsyncRawMethod(operations.parts_create)


class RawUploads(OnBlocking):
    """The operations on Uploads, with the answer itself."""

    create = RawMethod(operations.uploads_create)
    complete = RawMethod(operations.uploads_complete)
    cancel = RawMethod(operations.uploads_cancel)

    @property
    def parts(self) -> RawParts:
        """The operation on Parts."""
        return RawParts(self.driver)


class AsyncRawUploads(OnAsync):
    """The operations on Uploads, with the answer itself, to be awaited."""

    create = AsyncRawMethod(operations.uploads_create)
    complete = AsyncRawMethod(operations.uploads_complete)
    cancel = AsyncRawMethod(operations.uploads_cancel)

    @property
    def parts(self) -> AsyncRawParts:
        """The operation on Parts."""
        return AsyncRawParts(self.driver)


class FilesNames(OnBlocking):
    """openai-python's operations on Files."""

    create = Method(operations.files_create)
    list = PageMethod(operations.files_list)
    retrieve = Method(operations.files_retrieve)
    delete = Method(operations.files_delete)
    content = Method(operations.files_content)
    wait_for_processing = Method(operations.files_wait_for_processing)

    @property
    def with_raw_response(self) -> RawFiles:
        """The same with the answer itself."""
        return RawFiles(self.driver)


class AsyncFilesNames(OnAsync):
    """openai-python's operations on Files, to be awaited."""

    create = AsyncMethod(operations.files_create)
    list = AsyncPageMethod(operations.files_list)
    retrieve = AsyncMethod(operations.files_retrieve)
    delete = AsyncMethod(operations.files_delete)
    content = AsyncMethod(operations.files_content)
    wait_for_processing = AsyncMethod(operations.files_wait_for_processing)

    @property
    def with_raw_response(self) -> AsyncRawFiles:
        """The same with the answer itself."""
        return AsyncRawFiles(self.driver)


class Parts(OnBlocking):
    """openai-python's operation on Parts."""

    create = Method(operations.parts_create)

    @property
    def with_raw_response(self) -> RawParts:
        """The same with the answer itself."""
        return RawParts(self.driver)


class AsyncParts(OnAsync):
    """openai-python's operation on Parts, to be awaited."""

    create = AsyncMethod(operations.parts_create)

    @property
    def with_raw_response(self) -> AsyncRawParts:
        """The same with the answer itself."""
        return AsyncRawParts(self.driver)


class UploadsNames(OnBlocking):
    """openai-python's operations on Uploads."""

    create = Method(operations.uploads_create)
    complete = Method(operations.uploads_complete)
    cancel = Method(operations.uploads_cancel)
    upload_file_chunked = Method(operations.uploads_upload_file_chunked)

    @property
    def parts(self) -> Parts:
        """The operation on Parts."""
        return Parts(self.driver)

    @property
    def with_raw_response(self) -> RawUploads:
        """The same with the answer itself."""
        return RawUploads(self.driver)


class AsyncUploadsNames(OnAsync):
    """openai-python's operations on Uploads, to be awaited."""

    create = AsyncMethod(operations.uploads_create)
    complete = AsyncMethod(operations.uploads_complete)
    cancel = AsyncMethod(operations.uploads_cancel)
    upload_file_chunked = AsyncMethod(operations.uploads_upload_file_chunked)

    @property
    def parts(self) -> AsyncParts:
        """The operation on Parts."""
        return AsyncParts(self.driver)

    @property
    def with_raw_response(self) -> AsyncRawUploads:
        """The same with the answer itself."""
        return AsyncRawUploads(self.driver)
