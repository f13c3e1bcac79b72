"""Every knob: its default, its meaning, its unit. From HEAVYLIFT_* variables or a TOML file."""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote_from_bytes

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from heavylift.domain.limits import DAY, GIB, HOUR, KIB, MIB, Limits
from heavylift.domain.purposes import PURPOSES, Checks, Purpose
from heavylift.environment import PREFIX, FromVariables, config_file, in_file
from heavylift.service.sweeper import Schedule
from heavylift.values import (
    Address,
    ChosenKey,
    Count,
    Hosts,
    Number,
    Origins,
    Place,
    Seconds,
    Size,
    Table,
    Url,
    is_loopback,
)

CATALOG = "catalog.sqlite"
"""The database in the data folder."""

IN_MEMORY = frozenset({"sqlite://", "sqlite:///", "sqlite:///:memory:"})
"""URLs of a catalog that ends with its process."""


class Durability(StrEnum):
    """What a 200 promises: to survive a power loss, or only the death of the process."""

    STRICT = "strict"
    RELAXED = "relaxed"


class PurposeExtension(BaseModel):
    """What an operator adds to a purpose's row, or a new row altogether."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    extensions: frozenset[str] = frozenset()
    mime_types: frozenset[str] = frozenset()
    post_bytes: Size | None = Field(None, ge=1)
    lifetime: Count | None = Field(None, ge=1)

    @field_validator("extensions", mode="after")
    @classmethod
    def _without_dot(cls, extensions: frozenset[str]) -> frozenset[str]:
        return frozenset(extension.lower().removeprefix(".") for extension in extensions)

    def added_to(self, name: str, row: Purpose | None) -> Purpose:
        """The row with this added; a purpose that accepts anything goes on doing so."""
        if row is None:
            return Purpose(
                name=name,
                extensions=self.extensions,
                mime_types=self.mime_types,
                post_bytes=self.post_bytes,
                lifetime=self.lifetime,
            )
        return Purpose(
            name=name,
            extensions=row.extensions and row.extensions | self.extensions,
            mime_types=row.mime_types and row.mime_types | self.mime_types,
            post_bytes=self.post_bytes or row.post_bytes,
            lifetime=self.lifetime or row.lifetime,
            only=None if self.extensions else row.only,
        )


class Settings(BaseSettings):
    """What one installation is set to. Sizes in bytes, times in seconds.

    An environment variable is a field's name in capitals behind HEAVYLIFT_; in the TOML
    file, named by HEAVYLIFT_CONFIG, it is the field's name as it stands here. The
    environment wins over the file, the command line over both.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        validate_default=True,
        hide_input_in_errors=True,  # a password may be among what an error would show
    )

    # where things are
    data: Place = Field(
        Path("heavylift-data"), description="Folder of the catalog, the blobs and the first key."
    )
    catalog: Url | None = Field(None, description="URL of the catalog. Default: sqlite, in the data folder.")
    blobs: Url | None = Field(None, description="URL of the blob store. Default: the data folder.")
    durability: Durability = Field(
        Durability.STRICT,
        description="strict: a 200 survives power loss. relaxed: it survives the process, and is faster.",
    )
    catalog_pool_size: int = Field(
        8, ge=1, le=1000, description="Most connections that each process holds to PostgreSQL."
    )
    catalog_prepared_statements: bool = Field(
        True,
        description="Let PostgreSQL remember statements. false behind PgBouncer before 1.21.",
    )
    disk_reserve: Size = Field(
        64 * MIB, ge=0, description="Bytes of a local disk that blobs leave free for the catalog."
    )

    # serving
    host: Address = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8321, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    workers: int = Field(1, ge=1, le=256, description="Processes that share the port.")
    worker_timeout: Seconds = Field(
        60.0,
        ge=5,
        description="How long one of several workers may give no sign of life, before it is killed and"
        " replaced.",
    )
    tls_cert: Place | None = Field(None, description="PEM certificate chain; with tls_key, serves https.")
    tls_key: Place | None = Field(None, description="PEM private key.")
    compatible_paths: bool = Field(
        False,
        description="Answer without /v1, under /openai and under /openai/v1 too, and take the header api-key:"
        " for the clients of Azure and Groq.",
    )
    cors_origins: Origins = Field([], description="Origins whose web pages may call; * for any.")
    lane: bool = Field(
        True, description="Receive and send bulk bodies past ASGI, where the server and the disk allow it."
    )
    stop_grace: Seconds = Field(
        30.0, ge=0, description="How long what is under way may take to finish when the service stops."
    )

    # who may call
    auth: Literal["on", "off"] = Field(
        "on", description="off: no API key is asked for. Only accepted when listening on loopback."
    )
    allowed_hosts: Hosts = Field(
        [], description="With auth=off: names that the service is called by besides localhost."
    )
    bootstrap_key: ChosenKey | None = Field(
        None, description="The first API key, instead of one that the first start makes up."
    )
    rate_limit: Number = Field(
        0, ge=0, description="Requests a minute that each process takes of a project; 0 for no limit."
    )

    # what is accepted
    purpose_checks: Checks = Field(
        Checks.FULL, description="What is checked of a purpose's table: full, extension or off."
    )
    purposes: Table[PurposeExtension] = Field({}, description="Additions to the table of purposes, by name.")
    downloads: Literal["all", "openai"] = Field(
        "all", description="openai: refuse downloads of Files for assistants and user_data, as OpenAI does."
    )
    empty_files: bool = Field(False, description="Accept Uploads and Files of no bytes.")
    max_part_bytes: Size = Field(64 * MIB, ge=1, description="Most bytes of a Part.")
    max_upload_bytes: Size = Field(8 * GIB, ge=1, description="Most bytes that an Upload may declare.")
    max_held_bytes: Size = Field(
        9 * GIB, ge=1, description="Most bytes that a pending Upload may hold, Parts sent twice included."
    )
    max_parts: Number = Field(10_000, ge=1, description="Most Parts of an Upload.")
    max_open_uploads: Number = Field(
        1_000, ge=0, description="Most Uploads of a project that may be pending at once; 0 for any number."
    )
    max_project_bytes: Size = Field(
        0,
        ge=0,
        description="Most bytes that a project may hold, pending Parts and Files together; 0 for any amount."
        " They are added up for each Part: 2 ms where a project has 10,000 Files, 100 ms for 100,000.",
    )
    max_file_bytes: Size = Field(512 * MIB, ge=1, description="Most bytes of one POST /v1/files.")
    max_json_bytes: Size = Field(MIB, ge=1 * KIB, description="Most bytes of a JSON body.")
    max_head_bytes: Size = Field(64 * KIB, ge=1 * KIB, description="Most bytes of a request's headers.")
    upload_seconds: Count = Field(HOUR, ge=1, description="How long an Upload stays open.")

    # against overload and slow clients
    max_bodies: Number = Field(
        128,
        ge=1,
        description="Bodies received at once, times the number of workers, which count together, and as many"
        " JSON bodies beside them; beyond it, 503 and Retry-After, and equal shares for all projects.",
    )
    max_downloads: Number = Field(
        1000, ge=1, description="Downloads that each process sends at once; beyond it, 503 and Retry-After."
    )
    max_project_downloads: Number = Field(500, ge=1, description="The same for the downloads of one project.")
    head_timeout: Seconds = Field(20.0, gt=0, description="How long a request's headers may take.")
    idle_timeout: Seconds = Field(60.0, gt=0, description="How long a body may stand still.")
    body_timeout: Seconds = Field(float(HOUR), gt=0, description="How long one body may take in all.")
    body_rate: Size = Field(
        1 * KIB,
        ge=0,
        description="Bytes a second that a body brings at least, on average, after idle_timeout; 0 for none.",
    )
    json_timeout: Seconds = Field(20.0, gt=0, description="How long a JSON body may take in all.")
    keep_alive: Seconds = Field(75.0, gt=0, description="How long a connection may wait for a request.")

    # reclaiming
    sweep_interval: Seconds = Field(60.0, gt=0, description="Between two rounds of reclaiming.")
    expiry_grace: Seconds = Field(
        2.0 * HOUR, ge=0, description="After an Upload's deadline, before its Parts are reclaimed."
    )
    delete_grace: Seconds = Field(
        60.0,
        ge=0,
        description="How long bytes stay that no fact points at any more, for downloads under way"
        " and for a standby that lags behind.",
    )
    upload_retention: Seconds = Field(
        30.0 * DAY, ge=0, description="How long a finished Upload can still be asked for."
    )
    orphan_interval: Seconds = Field(
        float(HOUR), gt=0, description="Between two searches for bytes that a crash left."
    )
    orphan_grace: Seconds = Field(
        2.0 * HOUR, gt=0, description="How long such bytes must have lain untouched."
    )

    # telling
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, else json."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that is logged."
    )
    access_log: bool = Field(True, description="Whether a request is a line of the log. Failures are told.")

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.auth == "off" and not is_loopback(self.host):
            raise ValueError(
                f"auth=off is only accepted on loopback, not on {self.host}: set auth=on, or host=127.0.0.1"
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: set both or neither")
        if self.orphan_grace <= max(self.idle_timeout, self.body_timeout):
            raise ValueError(
                "orphan_grace must be longer than body_timeout and idle_timeout,"
                " or a Part that is still arriving could be reclaimed"
            )
        self._check_memory()
        if self.max_held_bytes < self.max_upload_bytes:
            raise ValueError("max_held_bytes must be at least max_upload_bytes")
        return self

    def _check_memory(self) -> None:
        """What lives in the memory of one process cannot be shared, nor be outlived by what belongs to it."""
        if self.blobs == "memory:" and (self.workers > 1 or f"{self.catalog}".startswith("postgres")):
            raise ValueError(
                "blobs=memory: live in one process, which neither several workers nor a PostgreSQL for"
                " several machines goes with: set workers=1 and a SQLite catalog, or keep the blobs on a disk"
                " or in an object store"
            )
        if self.blobs != "memory:" and self.catalog in IN_MEMORY:
            raise ValueError(
                f"catalog={self.catalog} ends with the process, but its blobs would not:"
                " set blobs=memory: too, or name a database"
            )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The command line, then the environment, then the file that it names. Raises WrongSetting."""
        file = config_file()
        told = in_file(file) if file else {}
        return init_settings, FromVariables(settings_cls), InitSettingsSource(settings_cls, told)

    def answers_to(self, host: str) -> bool:
        """Whether a service without keys may be called by this name or address."""
        return is_loopback(host) or host.lower() in {name.lower() for name in self.allowed_hosts}

    @property
    def catalog_url(self) -> str:
        """Where the facts are."""
        return self.catalog or f"sqlite:///{_in_url(self.data / CATALOG)}"

    @property
    def blobs_url(self) -> str:
        """Where the bytes are."""
        return self.blobs or f"file://{_in_url(self.data / 'blobs')}"

    @property
    def key_file(self) -> Path:
        """Where the first key is kept for the local command line, with mode 0600."""
        return self.data / "api-key"

    @property
    def limits(self) -> Limits:
        """The domain's limits as set here."""
        return Limits(
            part_bytes=self.max_part_bytes,
            upload_bytes=self.max_upload_bytes,
            held_bytes=self.max_held_bytes,
            parts=self.max_parts,
            open_uploads=self.max_open_uploads,
            project_bytes=self.max_project_bytes,
            upload_seconds=self.upload_seconds,
            file_bytes=self.max_file_bytes,
            json_bytes=self.max_json_bytes,
            empty_files=self.empty_files,
        )

    @property
    def schedule(self) -> Schedule:
        """The sweeper's times as set here."""
        return Schedule(
            interval=self.sweep_interval,
            expiry_grace=self.expiry_grace,
            delete_grace=self.delete_grace,
            retention=self.upload_retention,
            orphan_interval=self.orphan_interval,
            orphan_grace=self.orphan_grace,
        )

    @property
    def purpose_table(self) -> Mapping[str, Purpose]:
        """The table of purposes with the operator's additions."""
        added = {name: more.added_to(name, PURPOSES.get(name)) for name, more in self.purposes.items()}
        return {**PURPOSES, **added}

    @property
    def closed_purposes(self) -> frozenset[str]:
        """Purposes whose files may not be downloaded: those that OpenAI was seen to refuse."""
        return frozenset({"assistants", "user_data"} if self.downloads == "openai" else ())


def _in_url(path: Path) -> str:
    """The path as a URL holds it, whatever signs a folder's name is made of."""
    return quote_from_bytes(os.fsencode(path.absolute()))
