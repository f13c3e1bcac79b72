"""Clients that generators make of our OpenAPI document can create, send, complete and download."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.e2e.wire import not_tested
from tests.engines import GENERATED, PYTHON_GENERATOR, npm_there
from tests.serving import Served


@pytest.fixture
def document(server: Served, tmp_path: Path) -> Path:
    """The document of the running service, in a file."""
    path = tmp_path / "openapi.json"
    path.write_bytes(httpx2.get(f"{server.root}/openapi.json", timeout=60).content)
    return path


def told(*words: str | Path, where: Path) -> str:
    """What a program prints. It has to succeed."""
    done = subprocess.run(
        words, cwd=where, env={**os.environ, "PYTHONPATH": str(where / "client")},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_a_python_client_is_made_of_the_document(server: Served, document: Path, tmp_path: Path) -> None:
    generator = PYTHON_GENERATOR / "bin" / "openapi-python-client"
    if not generator.exists():
        not_tested("NO PYTHON CLIENT WAS GENERATED: run `python -m tests.engines`")
    told(generator, "generate", "--path", document, "--output-path", "client", where=tmp_path)
    python = PYTHON_GENERATOR / "bin" / "python"
    said = told(python, GENERATED / "session.py", server.root, server.key, where=tmp_path)
    assert json.loads(said) == {
        "status": "completed", "purpose": "user_data", "same": True, "content": "abcdef",
    }  # fmt: skip


def test_a_typescript_client_is_made_of_the_document(server: Served, document: Path, tmp_path: Path) -> None:
    if shutil.which("node") is None or not npm_there(GENERATED)():
        not_tested("NO TYPESCRIPT CLIENT WAS GENERATED: run `python -m tests.engines` where there is Node")
    (tmp_path / "node_modules").symlink_to(GENERATED / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(GENERATED / "session.ts", tmp_path)
    commands = GENERATED / "node_modules" / ".bin"
    told(commands / "openapi-typescript", document, "-o", "api.d.ts", where=tmp_path)
    told(
        commands / "tsc", "--strict", "--target", "es2022", "--module", "nodenext",
        "--lib", "es2022,dom,dom.iterable", "session.ts", where=tmp_path,
    )  # fmt: skip
    said = json.loads(told("node", "session.js", server.root, server.key, where=tmp_path))
    assert (said["status"], said["content"]) == ("completed", "abcdef")
    assert said["checksum"].startswith("crc64nvme:")
