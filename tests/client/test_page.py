"""docs/sdk.md says everything that the SDK has; its examples are run with those of all other pages."""

import inspect
import re
from pathlib import Path

import pytest

import heavylift
from heavylift import errors, funcs
from heavylift.client import stories
from heavylift.client.options import RequestOptions

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sdk.md").read_text(encoding="utf-8")
CLIENT = Path(stories.__file__).parents[1]


def named(word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", PAGE) is not None


@pytest.mark.parametrize("name", funcs.__all__)
def test_every_operation_is_on_the_page(name: str):
    assert named(name.partition("_")[2])


@pytest.mark.parametrize("name", [name for name in heavylift.__all__ if not name.startswith("_")])
def test_every_name_of_the_face_is_on_the_page_unless_it_is_an_object_of_the_protocol(name: str):
    assert named(name) or hasattr(heavylift.models, name) or name in {"models", "funcs", "Result"}


def test_every_error_is_on_the_page():
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    ours = [kind.__name__ for kind in kinds if issubclass(kind, errors.HeavyliftError)]
    assert len(ours) > 20
    assert [name for name in ours if not named(name)] == []


@pytest.mark.parametrize("name", ["uploads_upload_file", "files_download_file"])
def test_every_argument_of_the_stories_is_on_the_page(name: str):
    arguments = set(inspect.signature(getattr(funcs, name)).parameters) | set(RequestOptions.__slots__)
    assert [argument for argument in arguments if not named(argument)] == []


def test_the_drivers_alone_know_the_http_library():
    knowing = {
        path.relative_to(CLIENT).as_posix()
        for path in CLIENT.rglob("*.py")
        if re.search(r"^\s*(?:import|from) http(?:x|core)2\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert knowing
    assert {name for name in knowing if not name.startswith("drivers/")} == set()
