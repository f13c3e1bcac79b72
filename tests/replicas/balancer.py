"""nginx in front of replicas, with the configuration that the page on operations shows."""

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.e2e.wire import eventually, not_tested
from tests.engines import nginx_program
from tests.house.examples import examples_of
from tests.house.project import pages
from tests.ports import free_ports
from tests.serving import START_SECONDS

PAGE = "docs/operations.md"

AROUND = """
{user}
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    sendfile on;
    tcp_nopush on;
    gzip on;
    client_body_temp_path {folder}/client_body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/heavylift.conf;
}}
"""
"""What Debian's nginx.conf has around the files of conf.d, but for where things lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """A running nginx. It takes http at `port` and https at `tls_port`, which `certificate` is for."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    tls_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def tls_url(self) -> str:
        return f"https://127.0.0.1:{self.tls_port}/v1"

    @property
    def certificate(self) -> Path:
        return self.folder / "cert.pem"

    @property
    def errors(self) -> str:
        """What it complained about so far."""
        return (self.folder / "error.log").read_text()

    @property
    def requests(self) -> list[str]:
        """Its line for each request so far."""
        return (self.folder / "access.log").read_text().splitlines()

    def behind(self, ports: Sequence[int]) -> Counter[int]:
        """How many connections it has to each of those ports."""
        found = [
            one.raddr.port
            for worker in psutil.Process(self.process.pid).children()
            for one in worker.net_connections("tcp")
            if one.raddr and one.status == psutil.CONN_ESTABLISHED
        ]
        return Counter(port for port in found if port in ports)


def program() -> str:
    """nginx. Without it the test is skipped, loudly, or fails if CI=true."""
    found = nginx_program()
    if found is None:
        not_tested("NGINX WAS NOT TESTED: run `python -m tests.engines` as root, or install nginx by hand")
    return found


def shown() -> str:
    """The configuration on the page."""
    [block] = [one for one in examples_of(PAGE, pages()[PAGE]) if one.language == "nginx"]
    return block.text


def changed(text: str, pattern: str, by: str) -> str:
    """The text with something put in its place; it must be there."""
    found, count = re.subn(pattern, lambda _: by, text, flags=re.MULTILINE)
    assert count, f"{pattern} does not stand in the configuration of {PAGE} any more"
    return found


def configured(folder: Path, replicas: Sequence[int], *, port: int, tls_port: int) -> str:
    """What the page shows, with the ports and the places of this test; nothing else is changed."""
    text = shown()
    [options] = set(re.findall(r"^ +server 10\.[\d.]+:8321(.*);$", text, re.MULTILINE))
    servers = "\n".join(f"    server 127.0.0.1:{one}{options};" for one in replicas)
    text = changed(text, r"(^ +server 10\.[\d.]+:8321.*;\n?)+", servers + "\n")
    text = changed(text, r"listen 443 ssl;", f"listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl;")
    for place, ours in (
        ("/etc/ssl/upload.pem", "cert.pem"),
        ("/etc/ssl/upload.key", "key.pem"),
        ("/var/log/nginx/heavylift.log", "access.log"),
    ):
        text = changed(text, re.escape(place), f"{folder}/{ours}")
    return text


def make_certificate(folder: Path) -> None:
    """One for loopback, signed by itself."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip


@contextmanager
def balancing(folder: Path, replicas: Sequence[int]) -> Iterator[Balancer]:
    """nginx in front of the replicas at those ports. In the end it has stored no body on the disk."""
    nginx = program()
    folder.mkdir()
    make_certificate(folder)
    port, tls_port = free_ports(2)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "heavylift.conf").write_text(configured(folder, replicas, port=port, tls_port=tls_port))
    (folder / "nginx.conf").write_text(AROUND.format(user=user, folder=folder))
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [nginx, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"],
            stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
    balancer = Balancer(process=process, folder=folder, port=port, tls_port=tls_port)
    try:
        eventually(lambda: process.poll() is not None or _listens(process))
        assert process.poll() is None, (folder / "said").read_text()
        yield balancer
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS)
    assert "to a temporary file" not in balancer.errors
    assert [line for line in balancer.errors.splitlines() if re.search(r"\[(emerg|alert|crit)\]", line)] == []


def _listens(process: subprocess.Popen[bytes]) -> bool:
    """Its workers are there: the ports have been open since before they were."""
    return len(psutil.Process(process.pid).children()) == 2
