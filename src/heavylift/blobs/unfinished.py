"""S3's unfinished multipart uploads: listed and aborted, which the object store's client cannot do.

A write that fails aborts its own. What a crash leaves costs storage and shows up in no list of
objects; the sweeper asks here.
"""

import asyncio
import logging
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

from heavylift.blobs.storeerrors import reason
from heavylift.service.ports import StorageDown

LOGGER = logging.getLogger(__name__)

NOT_OFFERED = frozenset({400, 405, 501})
"""Statuses of a store that keeps no list of multipart uploads."""

FORBIDDEN = 403
"""The status of a store that lets us read and write, and not list these: somebody else ends them."""

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
        self._told = False

    async def all(self, prefix: str) -> AsyncIterator[tuple[str, str, float]]:
        """Path, id and beginning (Unix seconds) of each under `prefix`, as far as the store says so. Nothing
        where no list is kept, or is not for us."""
        query = {"uploads": "", "prefix": prefix}
        seen: set[tuple[str, str]] = set()
        while True:
            answer = await self._ask("GET", "/", query)
            if answer.status_code == FORBIDDEN:
                self._forbidden(answer)
                return
            if answer.status_code in NOT_OFFERED or NONE in answer.text:
                return
            page = _parsed(answer)
            for upload in page.iterfind("{*}Upload"):
                path, name, begun = _text(upload, "Key"), _text(upload, "UploadId"), _begun(upload)
                if path and name and begun is not None:
                    yield path, name, begun
            marker = _text(page, "NextKeyMarker"), _text(page, "NextUploadIdMarker")
            if _text(page, "IsTruncated") != "true" or not marker[0] or marker in seen:
                return  # a store that says "more", and not where, would be asked on and on
            seen.add(marker)
            query |= {"key-marker": marker[0], "upload-id-marker": marker[1]}

    def _forbidden(self, answer: httpx2.Response) -> None:
        if not self._told:
            self._told = True
            LOGGER.warning(
                "the store does not let us list multipart uploads, so those that a crash left stay:"
                " allow s3:ListBucketMultipartUploads, or set a lifecycle rule that aborts them (%s)",
                _said(answer),
            )

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
            raise StorageDown(f"the object store failed: {reason(error)}") from error

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


def _begun(upload: ElementTree.Element) -> float | None:
    """When it began; None if the store does not say so in a way that can be understood."""
    try:
        return datetime.fromisoformat(_text(upload, "Initiated")).timestamp()
    except ValueError:
        return None


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
