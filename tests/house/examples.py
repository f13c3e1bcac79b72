"""The fenced blocks of the documentation, and how each language of them is run."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.engines import NODE

FENCE = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n\s*)?^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
"""A comment right above a block may say why it is not run: `<!-- not run: needs a public address -->`."""

SHELL_HEAD = "set -euo pipefail; if [ -f .shell ]; then . ./.shell; fi; set -a\n"
SHELL_TAIL = "\nexport -p > .shell\n"
"""A page is one shell session: variables live on in its next block."""

SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One block: where it stands, its language, and the reason if it is not to be run."""

    page: str
    line: int
    language: str
    text: str
    reason: str | None

    @property
    def where(self) -> str:
        """For people."""
        return f"{self.page}:{self.line} ({self.language})"


RUN = {"sh", "bash", "python", "js"}
SHOWN = {
    "", "text", "json", "toml", "ini", "yaml", "http", "html", "sql", "go", "logrotate",
    "nginx", "pgbouncer", "caddyfile", "haproxy", "apache", "vcl", "squid",
}  # fmt: skip
"""Languages that are read, not run."""


def examples_of(page: str, text: str) -> Iterator[Example]:
    """Every block of a page, in order."""
    for match in FENCE.finditer(text):
        yield Example(
            page=page,
            line=text.count("\n", 0, match.start("language")) + 1,
            language=match["language"],
            text=match["text"],
            reason=match["reason"],
        )


def run(example: Example, folder: Path, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run one block in that folder, with the commands of this installation at hand."""
    commands = Path(sys.executable).parent
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command(example, folder),
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def command(example: Example, folder: Path, *, python: str = sys.executable) -> list[str]:
    """What runs the block, on that Python."""
    match example.language:
        case "sh" | "bash":
            return ["bash", "-c", f"{SHELL_HEAD}{example.text}{SHELL_TAIL}"]
        case "python":
            return [python, "-W", "error", "-c", example.text]
        case _:
            modules = folder / "node_modules"  # where Node looks for packages
            if not modules.exists():
                modules.symlink_to(NODE / "node_modules")
            script = folder / "example.mjs"
            script.write_text(example.text, encoding="utf-8")
            return [shutil.which("node") or "node", script.name]
