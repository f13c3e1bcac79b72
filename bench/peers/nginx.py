"""nginx from Debian's package: PUT into a folder by its DAV module, sendfile out of it."""

import os
from collections.abc import Sequence
from pathlib import Path

from bench.load import Load
from bench.peers.peer import Peer
from bench.toolbox import debian

CONFIG = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/temp;
    proxy_temp_path {folder}/unused;
    fastcgi_temp_path {folder}/unused;
    uwsgi_temp_path {folder}/unused;
    scgi_temp_path {folder}/unused;
    client_max_body_size 0;
    client_body_buffer_size 256k;
    keepalive_requests 100000000;
    sendfile on;
    sendfile_max_chunk 4m;
    tcp_nodelay on;
    server {{
        listen 127.0.0.1:{port};
        location /files/ {{ root {folder}; dav_methods PUT; }}
    }}
}}
"""


class Nginx(Peer):
    """One worker, as heavylift has one."""

    name = "nginx PUT"

    def words(self) -> Sequence[str]:
        folder = self.folder
        for name in ("files", "temp", "unused"):
            (folder / name).mkdir(exist_ok=True)
        user = "user root;" if os.geteuid() == 0 else ""
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, port=self.port, user=user), encoding="utf-8")
        binary = debian("nginx", "usr/sbin/nginx")
        return [str(binary), "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")]

    def finished(self) -> Sequence[Path]:
        return [self.folder / "files"]

    def send(self, *, size: int) -> Load:
        return Load(port=self.port, method="PUT", path="/files/part", numbered=True, size=size)

    def make_file(self, *, size: int) -> str:
        """A file to fetch. Its path."""
        with (self.folder / "whole").open("wb") as file:
            block = bytes(range(256)) * 4096
            for _ in range(size // len(block)):
                file.write(block)
        (self.folder / "whole").rename(self.folder / "files" / "whole")
        return "/files/whole"

    def fetch(self, path: str) -> Load:
        """That file."""
        return Load(port=self.port, method="GET", path=path)
