"""llama-stack, another server of OpenAI's /v1/files: its files API alone, kept in a local folder."""

from collections.abc import Sequence
from pathlib import Path

from bench.load import Load
from bench.peers.peer import Peer
from bench.toolbox import pip

PACKAGES = (
    "llama-stack==0.2.12", "sqlalchemy", "aiosqlite", "asyncpg", "greenlet", "uvicorn", "fastapi",
    "python-multipart", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http",
)  # fmt: skip
"""The server, and what it imports without requiring it."""

CONFIG = """
version: "2"
image_name: bench
apis: [files]
providers:
  files:
  - provider_id: local
    provider_type: inline::localfs
    config:
      storage_dir: {folder}/files
      metadata_store: {{type: sqlite, db_path: {folder}/files.db}}
metadata_store: {{type: sqlite, db_path: {folder}/registry.db}}
models: []
server: {{port: {port}, host: 127.0.0.1}}
"""


class LlamaStack(Peer):
    """Whole files by POST: it has no parts."""

    name = "llama-stack /v1/files"
    share = 0.5

    def words(self) -> Sequence[str]:
        (self.folder / "files").mkdir(exist_ok=True)
        config = self.folder / "run.yaml"
        config.write_text(CONFIG.format(folder=self.folder, port=self.port), encoding="utf-8")
        module = "llama_stack.distribution.server.server"
        python = pip(*PACKAGES) / "python"
        return [str(python), "-m", module, "--config", str(config), "--port", str(self.port)]

    def finished(self) -> Sequence[Path]:
        return [self.folder / "files"]

    def send(self, *, size: int) -> Load:
        return Load(
            port=self.port, path="/v1/openai/v1/files", size=size, multipart=True, field="file",
            purpose="assistants",
        )  # fmt: skip
