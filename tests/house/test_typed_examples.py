"""Every Python example of the documentation passes the type checkers that users have, as it is printed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines import PYRIGHT, npm_there
from tests.house.examples import Example, examples_of
from tests.house.project import pages

TYPED = {*sys.stdlib_module_names, "heavylift", "httpx2", "openai"}
"""What has types, and is installed here. A block about another library is that library's to be right."""

PYTHON = [
    example
    for name, text in pages().items()
    for example in examples_of(name, text)
    if example.language == "python"
    and set(re.findall(r"^\s*(?:import|from) (\w+)", example.text, re.MULTILINE)) <= TYPED
]

WRONG = """from heavylift import Heavylift

with Heavylift() as client:
    upload = client.uploads.upload_file("big.jsonl", purpose="batch")
    print(upload.file.no_such_field, client.uploads.get_upload(upload.id).file.id)
"""


def written(folder: Path, examples: list[Example]) -> dict[str, str]:
    """Each as a file; which is which."""
    named = {f"example_{number}.py": example for number, example in enumerate(examples)}
    for name, example in named.items():
        (folder / name).write_text(example.text, encoding="utf-8")
    return {name: example.where for name, example in named.items()}


def mypy(folder: Path) -> list[tuple[str, str]]:
    """The files at fault, and what mypy --strict says of them."""
    words = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--output",
        "json",
        "--cache-dir",
        str(folder / "cache"),
    ]
    files = sorted(path.name for path in folder.glob("*.py"))
    done = subprocess.run([*words, *files], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [(one["file"], f"{one['line']}: {one['message']}") for one in said if one["severity"] == "error"]


def pyright(folder: Path) -> list[tuple[str, str]]:
    """The files at fault, and what pyright says of them."""
    program = PYRIGHT / "node_modules" / ".bin" / "pyright"
    words = [str(program), "--outputjson", "--pythonpath", sys.executable, str(folder)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr or done.stdout
    said = json.loads(done.stdout)["generalDiagnostics"]
    return [
        (Path(one["file"]).name, f"{one['range']['start']['line'] + 1}: {one['message']}")
        for one in said
        if one["severity"] == "error"
    ]


CHECKERS = [
    mypy,
    pytest.param(
        pyright, marks=pytest.mark.skipif(not npm_there(PYRIGHT)(), reason="pyright is not installed")
    ),
]


@pytest.mark.parametrize("check", CHECKERS)
def test_the_examples_pass_the_type_checkers(check, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    which = written(tmp_path, PYTHON)
    assert [(which[name], said) for name, said in check(tmp_path)] == []


@pytest.mark.parametrize("check", CHECKERS)
def test_a_wrong_example_is_noticed(check, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    found = check(tmp_path)
    assert len(found) == 2, found
    assert {name for name, _ in found} == {"wrong.py"}
