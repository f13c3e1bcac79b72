"""What `import heavylift` gives, and what it costs."""

import importlib
import inspect
import pydoc
import subprocess
import sys

import pytest

import heavylift
from heavylift import AsyncHeavylift, Heavylift, errors, funcs
from heavylift.client.methods import AsyncPager, Pager
from heavylift.client.models import CompletedUpload, File, FileDeleted
from heavylift.client.result import Err, Ok

OPERATIONS = {
    "uploads": (
        "create_upload",
        "add_upload_part",
        "complete_upload",
        "cancel_upload",
        "get_upload",
        "list_uploads",
        "list_upload_parts",
        "upload_file",
        "resume_upload",
    ),
    "files": ("create_file", "list_files", "retrieve_file", "delete_file", "download_file"),
}


@pytest.mark.parametrize("name", heavylift.__all__)
def test_every_name_of_the_face_is_there(name: str):
    assert getattr(heavylift, name) is not None


def test_a_name_that_is_not_there_is_told_as_usual():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = heavylift.no_such_name  # type: ignore[attr-defined]


def test_importing_the_package_loads_neither_the_sdk_nor_the_server():
    code = "import heavylift, sys; print({'httpx2', 'pydantic', 'fastapi', 'awscrt'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_the_sdk_loads_nothing_of_the_server():
    code = (
        "import heavylift; heavylift.Heavylift; heavylift.AsyncHeavylift; heavylift.funcs; import sys;"
        "ours = {m for m in sys.modules if m.startswith('heavylift.')};"
        "known = {'client', 'errors', 'funcs', 'models', '_version'};"
        "print(sorted(m for m in ours if m.split('.')[1] not in known))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize("resource", OPERATIONS)
async def test_both_clients_and_the_functions_have_every_operation_with_the_same_arguments(resource: str):
    with Heavylift(api_key="") as blocking:
        async with AsyncHeavylift(api_key="") as waiting:
            for name in OPERATIONS[resource]:
                method = getattr(getattr(blocking, resource), name)
                twin = getattr(getattr(waiting, resource), name)
                function = getattr(funcs, f"{resource}_{name}")
                if name != "download_file":
                    assert inspect.signature(method).parameters == inspect.signature(twin).parameters
                    assert inspect.signature(method).parameters == inspect.signature(function).parameters
                assert inspect.getdoc(method)
                assert inspect.getdoc(function)


def test_signatures_show_what_comes_and_not_the_generators_inside():
    client, waiting = Heavylift(api_key=""), AsyncHeavylift(api_key="")
    for method, result in (
        (client.uploads.upload_file, CompletedUpload),
        (waiting.uploads.upload_file, CompletedUpload),
        (client.uploads.complete_upload, CompletedUpload),
        (client.files.list_files, Pager[File]),
        (waiting.files.list_files, AsyncPager[File]),
        (funcs.files_delete_file, Ok[FileDeleted] | Err),
    ):
        assert inspect.signature(method).return_annotation == result
    assert "Generator" not in pydoc.render_doc(client.uploads.complete_upload)
    assert inspect.iscoroutinefunction(waiting.uploads.upload_file)


IN_ORDER = {
    "files_create_file": ["file"],
    "files_delete_file": ["file_id"],
    "files_download_file": ["file_id"],
    "files_list_files": [],
    "files_retrieve_file": ["file_id"],
    "files_download_files": ["file_ids"],
    "files_upload_files": ["paths"],
    "uploads_add_upload_part": ["upload_id", "data"],
    "uploads_cancel_upload": ["upload_id"],
    "uploads_complete_upload": ["upload_id", "part_ids"],
    "uploads_create_upload": [],
    "uploads_get_upload": ["upload_id"],
    "uploads_list_upload_parts": ["upload_id"],
    "uploads_list_uploads": [],
    "uploads_resume_upload": ["upload_id", "file"],
    "uploads_upload_file": ["file"],
}


@pytest.mark.parametrize("name", funcs.__all__)
def test_what_is_obvious_may_come_without_a_name_and_nothing_else(name: str):
    parameters = inspect.signature(getattr(funcs, name)).parameters.values()
    assert [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD] == IN_ORDER[name]
    assert {each.kind for each in parameters} <= {
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    }


def test_dir_shows_what_is_public_and_nothing_else():
    code = "import heavylift; heavylift.Heavylift; print(*dir(heavylift))"
    shown = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert shown == sorted([*heavylift.__all__, "ConnectionError"])
    assert [name for name in shown if name.startswith("_")] == ["__version__"]


@pytest.mark.parametrize("name", ["errors", "funcs", "models"])
def test_errors_functions_and_models_are_modules(name: str):
    code = f"import heavylift.{name}; print(*heavylift.{name}.__all__)"
    names = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert names
    assert all(getattr(importlib.import_module(f"heavylift.{name}"), each) for each in names)


def test_every_error_stands_at_the_top_and_python_keeps_its_own():
    for name in errors.__all__:
        assert getattr(heavylift, name) is getattr(errors, name)
    space: dict[str, object] = {}
    exec("from heavylift import *", space)
    assert "ConnectionError" not in space
    assert space["NotFoundError"] is heavylift.NotFoundError


def test_a_closed_client_says_so():
    client = Heavylift(api_key="")
    client.close()
    result = funcs.files_retrieve_file(client, file_id="file-1")
    assert "closed" in str(result.error)
