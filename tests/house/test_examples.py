"""Every example of the documentation runs, in order, against a real server."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import npm_client_there
from tests.house.examples import RUN, SHOWN, Example, examples_of, run
from tests.house.project import pages
from tests.serving import Served, serving

ALL = [example for name, text in pages().items() for example in examples_of(name, text)]
PAGES = sorted({example.page for example in ALL if example.language in RUN and not example.reason})

SPACE = 8 * 1024 * 1024
"""Bytes of the file that the examples upload; they call it big.jsonl."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("data")) as served:
        yield served
        assert served.stop() in (0, -15)


@pytest.fixture
def environment(server: Served, tmp_path: Path) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": server.url,
        "OPENAI_API_KEY": server.key,
        "HEAVYLIFT_BASE_URL": server.url,
        "HEAVYLIFT_API_KEY": server.key,
        "HEAVYLIFT_DATA": str(server.data),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }


def runnable(example: Example) -> bool:
    """Whether this block is run here. Only a laptop may do without Node."""
    node = shutil.which("node") is not None and npm_client_there()
    return (
        example.language in RUN
        and example.reason is None
        and (example.language != "js" or node or os.environ.get("CI") == "true")
    )


ON_THE_PAGE = {"README.md": ("OPENAI_BASE_URL", "OPENAI_API_KEY")}
"""Pages that say themselves which variables to set: there no others are set."""


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run_in_order(page: str, environment: dict[str, str], tmp_path: Path) -> None:
    for name in set(environment) - set(ON_THE_PAGE.get(page, environment)):
        if not name.startswith("XDG_"):
            del environment[name]
    folder = tmp_path / "folder"
    folder.mkdir()
    line = b'{"messages": [{"role": "user", "content": "How much does it weigh?"}]}\n'
    (folder / "big.jsonl").write_bytes(line * (SPACE // len(line)))
    for example in ALL:
        if example.page == page and runnable(example):
            done = run(example, folder, environment)
            assert done.returncode == 0, f"{example.where} failed\n{done.stdout}\n{done.stderr}"


def test_every_block_is_of_a_language_that_is_run_or_shown() -> None:
    assert [example.where for example in ALL if example.language not in RUN | SHOWN] == []


def test_no_block_gives_a_reason_that_needs_none() -> None:
    assert [example.where for example in ALL if example.reason and example.language not in RUN] == []


def test_a_failing_example_is_noticed(tmp_path: Path) -> None:
    for language, text in (("sh", "false\ntrue\n"), ("python", "raise SystemExit(3)\n")):
        example = Example(page="x", line=1, language=language, text=text, reason=None)
        assert run(example, tmp_path, {}).returncode != 0
