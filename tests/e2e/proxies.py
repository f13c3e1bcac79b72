"""Proxies as docs/recipes.md configures them, each in front of one server on this machine."""

import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.engines import server_program
from tests.house.examples import examples_of
from tests.house.project import pages
from tests.ports import free_port

STARTING = 20.0
"""Seconds within which it has to listen. A bound, not a wait."""

APACHE = """ServerRoot /usr/lib/apache2
PidFile {folder}/apache.pid
ErrorLog {folder}/apache.log
Listen 127.0.0.1:{port}
User www-data
Group www-data
ServerName upload.example.com
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
"""

SQUID = """shutdown_lifetime 1 second
pid_filename {folder}/squid.pid
cache_log {folder}/squid.log
access_log none
coredump_dir {folder}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A proxy: the language of its block on the page, its program, what a test changes in the block (where
    it listens, where its own files lie), and the words that start it."""

    language: str
    program: str
    changed: Callable[[str, int, Path], str]
    words: Callable[[str, Path, int], list[str]]


def _caddy(text: str, port: int, folder: Path) -> str:
    return "{\n\tadmin off\n}\n" + text.replace("upload.example.com", f"http://127.0.0.1:{port}")


def _haproxy(text: str, port: int, folder: Path) -> str:
    return text.replace("*:443 ssl crt /etc/ssl/upload.pem", f"127.0.0.1:{port}")


def _apache(text: str, port: int, folder: Path) -> str:
    return APACHE.format(folder=folder, port=port) + text


def _squid(text: str, port: int, folder: Path) -> str:
    return text.replace("http_port 3128", f"http_port 127.0.0.1:{port}") + SQUID.format(folder=folder)


KINDS = {
    "caddy": Kind(
        language="caddyfile", program="caddy", changed=_caddy,
        words=lambda program, file, port: [program, "run", "--adapter", "caddyfile", "--config", str(file)],
    ),
    "haproxy": Kind(
        language="haproxy", program="haproxy", changed=_haproxy,
        words=lambda program, file, port: [program, "-f", str(file)],
    ),
    "apache": Kind(
        language="apache", program="apache2", changed=_apache,
        words=lambda program, file, port: [program, "-X", "-f", str(file)],
    ),
    "varnish": Kind(
        language="vcl", program="varnishd", changed=lambda text, port, folder: text,
        words=lambda program, file, port: [
            program, "-F", "-a", f"127.0.0.1:{port}", "-f", str(file), "-n", str(file.parent / "work"),
        ],
    ),
    "squid": Kind(
        language="squid", program="squid", changed=_squid,
        words=lambda program, file, port: [program, "-N", "-f", str(file)],
    ),
}  # fmt: skip
"""By name, as `apt-get install` knows most of them."""


def program_of(kind: Kind) -> str | None:
    """Where it is."""
    return server_program(kind.program)


def configuration(kind: Kind, *, server: int, port: int, folder: Path) -> str:
    """The page's block, in front of the server on that port of loopback alone."""
    page = examples_of("recipes", pages()["docs/recipes.md"])
    [text] = [one.text for one in page if one.language == kind.language]
    text = re.sub(r"^.*10\.0\.0\.12.*\n", "", text, flags=re.MULTILINE)
    text = text.replace("10.0.0.11", "127.0.0.1").replace("8321", str(server))
    return kind.changed(text, port, folder)


@contextmanager
def in_front(kind: Kind, *, server: int, folder: Path) -> Iterator[str]:
    """The proxy's base URL while it runs."""
    port = free_port()
    for place in (folder, *list(folder.parents)[:3]):
        place.chmod(0o755)
    folder.chmod(0o777)  # some give their rights up before they write there
    file = folder / "configuration"
    file.write_text(configuration(kind, server=server, port=port, folder=folder), encoding="utf-8")
    program = program_of(kind)
    assert program is not None
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(kind.words(program, file, port), cwd=folder, stdout=said, stderr=said)
    try:
        _await(port, process, folder / "said")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        try:
            process.wait(STARTING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(port: int, process: "subprocess.Popen[bytes]", said: Path) -> None:
    overdue = time.monotonic() + STARTING
    while time.monotonic() < overdue and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the proxy does not listen: {said.read_text(errors='replace')[-500:]}")
