"""The two clients: the same names, one that blocks and one to be awaited."""

import logging
import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from heavylift.client.config import Setting, settle
from heavylift.client.drivers.asynchronous import AsyncDriver
from heavylift.client.drivers.blocking import BlockingDriver
from heavylift.client.drivers.transport import AsyncHTTP, AsyncTransport, BlockingHTTP, BlockingTransport
from heavylift.client.drivers.trusting import check_own
from heavylift.client.endpoint import ApiKey
from heavylift.client.hooks import Hooks
from heavylift.client.openai_names.clients import AsyncClientNames, ClientNames
from heavylift.client.openai_names.wishes import Timeout, either, headers, milliseconds, retries
from heavylift.client.resources import AsyncFiles, AsyncUploads, Files, Uploads
from heavylift.client.retries import RetryConfig


class Heavylift(ClientNames):
    """Blocks until the answer is there. To be used in a `with` block, or closed. Safe to share by threads.

    `api_key` is a string or a function that gives one, asked before every request; "" sends none.
    What is not given of `server_url` and `api_key` comes from `profile`, from HEAVYLIFT_BASE_URL
    and HEAVYLIFT_API_KEY, a profile of `heavylift login`, OPENAI_BASE_URL and OPENAI_API_KEY, or the
    service that runs beside us, in this order; MissingKeyError where no key is found. `ca_cert` is a
    file of certificates, whose server certificates alone are believed. `timeout_ms` is the longest
    silence of the network that is borne. A given `http_client` stays open, and keeps its own
    certificates and, unless `timeout_ms` is given too, timeouts. `state_folder` holds the journal
    of unfinished transfers; else the folder that the system has for such things.

    openai-python's names: `base_url` is `server_url`, `timeout` is `timeout_ms` in seconds,
    `max_retries` bounds the repetitions of each request, `default_headers` go with every one,
    `organization` and `project` as OpenAI-Organization and OpenAI-Project.
    """

    def __init__(
        self,
        *,
        api_key: ApiKey | None = None,
        server_url: str | None = None,
        profile: str | None = None,
        ca_cert: str | os.PathLike[str] | None = None,
        retry_config: RetryConfig | None = None,
        timeout_ms: int | None = None,
        http_client: BlockingHTTP | None = None,
        debug_logger: logging.Logger | None = None,
        hooks: Sequence[Hooks] = (),
        state_folder: str | os.PathLike[str] | None = None,
        base_url: str | None = None,
        timeout: Timeout = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str] | None = None,
        organization: str | None = None,
        project: str | None = None,
    ) -> None:
        setting = settle(
            api_key=api_key,
            server_url=either("server_url", server_url, "base_url", base_url),
            profile=profile,
            ca_cert=ca_cert,
            retry_config=either("retry_config", retry_config, "max_retries", retries(max_retries)),
            timeout_ms=either("timeout_ms", timeout_ms, "timeout", milliseconds(timeout)),
            default_headers=headers(default_headers, organization=organization, project=project),
            debug_logger=debug_logger,
            hooks=hooks,
            state_folder=state_folder,
        )
        self._begin(setting, http_client)

    @classmethod
    def of(cls, setting: Setting) -> Self:
        """A client for what is decided already."""
        made = cls.__new__(cls)
        cls._begin(made, setting, None)
        return made

    def _begin(self, setting: Setting, http_client: BlockingHTTP | None) -> None:
        check_own(http_client, setting.trust)
        transport = BlockingTransport(http_client, setting.server_url, setting.trust)
        self.stand_on(BlockingDriver(transport, setting))

    def stand_on(self, driver: BlockingDriver) -> None:
        """Begin on this driver."""
        super().stand_on(driver)
        self.uploads = Uploads(driver)
        self.files = Files(driver)

    def close(self) -> None:
        """Close the connections, if they are ours."""
        self.driver.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncHeavylift(AsyncClientNames):
    """The same to be awaited, in an `async with` block. What it takes is what Heavylift takes.

    `api_key` and the hooks may be coroutine functions too.
    """

    def __init__(
        self,
        *,
        api_key: ApiKey | None = None,
        server_url: str | None = None,
        profile: str | None = None,
        ca_cert: str | os.PathLike[str] | None = None,
        retry_config: RetryConfig | None = None,
        timeout_ms: int | None = None,
        http_client: AsyncHTTP | None = None,
        debug_logger: logging.Logger | None = None,
        hooks: Sequence[Hooks] = (),
        state_folder: str | os.PathLike[str] | None = None,
        base_url: str | None = None,
        timeout: Timeout = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str] | None = None,
        organization: str | None = None,
        project: str | None = None,
    ) -> None:
        setting = settle(
            api_key=api_key,
            server_url=either("server_url", server_url, "base_url", base_url),
            profile=profile,
            ca_cert=ca_cert,
            retry_config=either("retry_config", retry_config, "max_retries", retries(max_retries)),
            timeout_ms=either("timeout_ms", timeout_ms, "timeout", milliseconds(timeout)),
            default_headers=headers(default_headers, organization=organization, project=project),
            debug_logger=debug_logger,
            hooks=hooks,
            state_folder=state_folder,
        )
        self._begin(setting, http_client)

    @classmethod
    def of(cls, setting: Setting) -> Self:
        """A client for what is decided already."""
        made = cls.__new__(cls)
        cls._begin(made, setting, None)
        return made

    def _begin(self, setting: Setting, http_client: AsyncHTTP | None) -> None:
        check_own(http_client, setting.trust)
        transport = AsyncTransport(http_client, setting.server_url, setting.trust)
        self.stand_on(AsyncDriver(transport, setting))

    def stand_on(self, driver: AsyncDriver) -> None:
        """Begin on this driver."""
        super().stand_on(driver)
        self.uploads = AsyncUploads(driver)
        self.files = AsyncFiles(driver)

    async def close(self) -> None:
        """Close the connections, if they are ours."""
        await self.driver.transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
