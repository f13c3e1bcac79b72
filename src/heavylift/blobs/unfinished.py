"""S3's unfinished multipart uploads: listed and aborted, which the object store's client cannot do.

A write that fails aborts its own. What a crash leaves costs storage and shows up in no list of
objects; the sweeper asks here.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import httpx2
from awscrt.auth import (
    AwsCredentialsProvider,
    AwsSignatureType,
    AwsSignedBodyHeaderType,
    AwsSignedBodyValue,
    AwsSigningAlgorithm,
    AwsSigningConfig,
    aws_sign_request,
)
from awscrt.http import HttpHeaders, HttpRequest

from heavylift.service.ports import StorageDown

NOT_OFFERED = frozenset({400, 405, 501})
"""Statuses of a store that keeps no list of multipart uploads."""

NONE = "<Code>NoSuchUpload</Code>"
"""What some stores say instead of listing nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Where a bucket is and who asks. `url` has no slash at its end; no `credentials`, no signature."""

    url: str
    region: str
    credentials: Any | None


class Unfinished:
    """The multipart uploads of one bucket. `timeout` of a request in seconds."""

    def __init__(self, bucket: Bucket, *, timeout: float) -> None:
        self._bucket = bucket
        self._timeout = timeout
        self._client: httpx2.AsyncClient | None = None

    async def all(self, prefix: str) -> AsyncIterator[tuple[str, str, float]]:
        """Path, id and beginning (Unix seconds) of each under `prefix`. Nothing where no list is kept."""
        query = {"uploads": "", "prefix": prefix}
        while True:
            answer = await self._ask("GET", "/", query)
            if answer.status_code in NOT_OFFERED or NONE in answer.text:
                return
            page = _parsed(answer)
            for upload in page.iterfind("{*}Upload"):
                begun = datetime.fromisoformat(_text(upload, "Initiated"))
                yield _text(upload, "Key"), _text(upload, "UploadId"), begun.timestamp()
            if _text(page, "IsTruncated") != "true":
                return
            query |= {
                "key-marker": _text(page, "NextKeyMarker"),
                "upload-id-marker": _text(page, "NextUploadIdMarker"),
            }

    async def abort(self, path: str, upload: str) -> None:
        """End it and free what it holds. One that is gone is fine."""
        answer = await self._ask("DELETE", f"/{quote(path)}", {"uploadId": upload})
        if answer.status_code != 404 and not answer.is_success:
            raise StorageDown(f"the object store failed: {_said(answer)}")

    async def close(self) -> None:
        """Let go of connections. Repeatable."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _ask(self, method: str, path: str, query: dict[str, str]) -> httpx2.Response:
        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=self._timeout, follow_redirects=False)
        url = f"{self._bucket.url}{path}?{urlencode(sorted(query.items()), quote_via=quote, safe='')}"
        try:
            headers = await self._signed(method, httpx2.URL(url))
            return await self._client.request(method, url, headers=headers)
        except (httpx2.HTTPError, RuntimeError) as error:
            raise StorageDown(f"the object store failed: {error or type(error).__name__}") from error

    async def _signed(self, method: str, url: httpx2.URL) -> dict[str, str]:
        host = url.netloc.decode("ascii")
        if self._bucket.credentials is None:
            return {"host": host}
        signing = AwsSigningConfig(
            algorithm=AwsSigningAlgorithm.V4,
            signature_type=AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=self._bucket.credentials,
            region=self._bucket.region,
            service="s3",
            date=datetime.now(UTC),
            use_double_uri_encode=False,
            should_normalize_uri_path=False,
            signed_body_value=AwsSignedBodyValue.EMPTY_SHA256,
            signed_body_header_type=AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
        )
        request = HttpRequest(method, url.raw_path.decode("ascii"), HttpHeaders([("host", host)]))
        signed = await asyncio.wrap_future(aws_sign_request(request, signing))
        return dict(signed.headers)


def credentials() -> Any:
    """The credentials that the environment gives, or a profile, a container or a machine's role."""
    return AwsCredentialsProvider.new_default_chain()


def _parsed(answer: httpx2.Response) -> ElementTree.Element:
    if not answer.is_success:
        raise StorageDown(f"the object store failed: {_said(answer)}")
    try:
        return ElementTree.fromstring(answer.content)  # noqa: S314 - the store that also holds the bytes
    except ElementTree.ParseError as error:
        raise StorageDown(f"the object store failed: its list of uploads is no XML: {error}") from error


def _text(element: ElementTree.Element, name: str) -> str:
    return element.findtext(f"{{*}}{name}") or ""


def _said(answer: httpx2.Response) -> str:
    return f"{answer.status_code} {answer.text[:200]}".strip()
