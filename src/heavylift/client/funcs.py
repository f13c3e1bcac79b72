"""The standalone functions: every operation as a function of a client that gives a Result."""

from heavylift.client.methods import Function
from heavylift.client.operations import files, uploads
from heavylift.client.stories import download, downloadfiles, upload, uploadfiles

__all__ = [
    "files_create_file",
    "files_delete_file",
    "files_download_file",
    "files_download_files",
    "files_list_files",
    "files_retrieve_file",
    "files_upload_files",
    "uploads_add_upload_part",
    "uploads_cancel_upload",
    "uploads_complete_upload",
    "uploads_create_upload",
    "uploads_get_upload",
    "uploads_list_upload_parts",
    "uploads_list_uploads",
    "uploads_resume_upload",
    "uploads_upload_file",
]

uploads_create_upload = Function(uploads.create_upload)
uploads_add_upload_part = Function(uploads.add_upload_part)
uploads_complete_upload = Function(uploads.complete_upload)
uploads_cancel_upload = Function(uploads.cancel_upload)
uploads_get_upload = Function(uploads.get_upload)
uploads_list_uploads = Function(uploads.list_uploads)
uploads_list_upload_parts = Function(uploads.list_upload_parts)
uploads_upload_file = Function(upload.upload_file)
uploads_resume_upload = Function(upload.resume_upload)

files_create_file = Function(files.create_file)
files_list_files = Function(files.list_files)
files_retrieve_file = Function(files.retrieve_file)
files_delete_file = Function(files.delete_file)
files_download_file = Function(download.download_file)
files_download_files = Function(downloadfiles.download_files)
files_upload_files = Function(uploadfiles.upload_files)
