"""The names on the clients: `with_options`, `copy`, and `with_raw_response`."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from heavylift.client.config import Setting
from heavylift.client.drivers.asynchronous import AsyncDriver
from heavylift.client.drivers.blocking import BlockingDriver
from heavylift.client.endpoint import ApiKey
from heavylift.client.methods import OnAsync, OnBlocking
from heavylift.client.openai_names.resources import AsyncRawFiles, AsyncRawUploads, RawFiles, RawUploads
from heavylift.client.openai_names.wishes import Timeout, milliseconds, retries
from heavylift.client.options import check_headers
from heavylift.client.origins import checked_url


def changed(
    setting: Setting,
    *,
    api_key: ApiKey | None = None,
    base_url: str | None = None,
    timeout: Timeout = None,
    max_retries: int | None = None,
    default_headers: Mapping[str, str] | None = None,
) -> Setting:
    """The setting with what was given. A key that is bound to another server stays there."""
    changes: dict[str, Any] = {}
    if api_key is not None:
        changes |= {"api_key": api_key, "key_name": "api_key=", "key_only_to": None}
    if base_url is not None:
        changes["server_url"] = checked_url(base_url)
    if timeout is not None:
        changes["timeout_ms"] = milliseconds(timeout)
    if max_retries is not None:
        changes["retries"] = retries(max_retries)
    if default_headers is not None:
        check_headers(default_headers, name="default_headers")
        changes["headers"] = {**setting.headers, **default_headers}
    return dataclasses.replace(setting, **changes)


class RawClient:
    """A client's operations with the answer itself."""

    def __init__(self, driver: BlockingDriver) -> None:
        self.files = RawFiles(driver)
        self.uploads = RawUploads(driver)


class AsyncRawClient:
    """A client's operations with the answer itself, to be awaited."""

    def __init__(self, driver: AsyncDriver) -> None:
        self.files = AsyncRawFiles(driver)
        self.uploads = AsyncRawUploads(driver)


class ClientNames(OnBlocking):
    """openai-python's names on the blocking client."""

    def with_options(
        self,
        *,
        api_key: ApiKey | None = None,
        base_url: str | None = None,
        timeout: Timeout = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str] | None = None,
    ) -> Self:
        """A client on the same connections that is set otherwise. To close one closes both."""
        setting = changed(
            self.driver.setting,
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
        )
        made = type(self).__new__(type(self))
        made.stand_on(BlockingDriver(self.driver.transport, setting))
        return made

    copy = with_options

    @property
    def base_url(self) -> str:
        """The server's URL."""
        return self.driver.setting.server_url

    def stand_on(self, driver: BlockingDriver) -> None:
        """Begin on this driver."""
        OnBlocking.__init__(self, driver)

    @property
    def with_raw_response(self) -> RawClient:
        """The operations with the answer itself."""
        return RawClient(self.driver)


class AsyncClientNames(OnAsync):
    """openai-python's names on the asynchronous client."""

    def with_options(
        self,
        *,
        api_key: ApiKey | None = None,
        base_url: str | None = None,
        timeout: Timeout = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str] | None = None,
    ) -> Self:
        """A client on the same connections that is set otherwise. To close one closes both."""
        setting = changed(
            self.driver.setting,
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
        )
        made = type(self).__new__(type(self))
        made.stand_on(AsyncDriver(self.driver.transport, setting))
        return made

    copy = with_options

    @property
    def base_url(self) -> str:
        """The server's URL."""
        return self.driver.setting.server_url

    def stand_on(self, driver: AsyncDriver) -> None:
        """Begin on this driver."""
        OnAsync.__init__(self, driver)

    @property
    def with_raw_response(self) -> AsyncRawClient:
        """The operations with the answer itself."""
        return AsyncRawClient(self.driver)
