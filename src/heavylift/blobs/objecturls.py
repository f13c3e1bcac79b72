"""Object stores by URL: s3://bucket/prefix, gs:// and az://; the rest stands in their usual environment."""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from awscrt.auth import AwsCredentialsProvider
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from heavylift.blobs.objects import ObjectBlobs
from heavylift.blobs.unfinished import Bucket, Unfinished, credentials

REQUEST = 20
"""Seconds of one request, of at most 5 MiB: a store slower than that is as good as down."""

CONNECT = 3
"""Seconds until a connection stands."""

RETRYING = 10
"""Seconds within which a failed request is tried again. Less than REQUEST: a store that hangs once
through a whole request is not asked again, so that its client has an answer within half a minute."""

S3_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
GOOGLE_ENDPOINT = "GOOGLE_BASE_URL"
AZURE_ENDPOINTS = ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")

RETRY: Any = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=RETRYING),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
}


def open_objects(url: str, *, environment: Mapping[str, str] = os.environ) -> ObjectBlobs:
    """The store that the URL names. Asks it nothing. Raises ValueError for a URL or settings that cannot be.

    `environment` decides about plain http and where unfinished uploads are listed; the store's
    client reads the process's own.
    """
    scheme, bucket, prefix = _parts(url)
    try:
        if scheme == "s3":
            endpoint = _first(environment, S3_ENDPOINTS)
            guards = guarding(endpoint, environment)
            store = S3Store(bucket, client_options=_client(endpoint), retry_config=RETRY, **guards)
            unfinished = Unfinished(_bucket(bucket, endpoint, environment), timeout=REQUEST)
            return ObjectBlobs(store, prefix=prefix, unfinished=unfinished)
        if scheme == "gs":
            endpoint = environment.get(GOOGLE_ENDPOINT, "")
            google = GCSStore(bucket, client_options=_client(endpoint), retry_config=RETRY)
            return ObjectBlobs(google, prefix=prefix)
        endpoint = _first(environment, AZURE_ENDPOINTS)
        azure = AzureStore(bucket, client_options=_client(endpoint), retry_config=RETRY)
        return ObjectBlobs(azure, prefix=prefix)
    except BaseError as error:
        raise ValueError(f"the object store cannot be used as the environment sets it: {error}") from error


def _parts(url: str) -> tuple[str, str, str]:
    """Scheme, bucket and prefix. Raises ValueError, without the URL: it may hold a secret."""
    parts = urlsplit(url)
    prefix = unquote(parts.path).strip("/")
    if not parts.netloc or "@" in parts.netloc or ":" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(
            f"the URL of an object store is {parts.scheme}://bucket/prefix and nothing more; its endpoint"
            " and credentials come from the environment (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, ...)"
        )
    if any(part in ("", ".", "..") for part in prefix.split("/") if prefix):
        raise ValueError("the prefix of an object store's URL has no empty parts and no dots alone")
    return parts.scheme, parts.netloc, prefix


def _client(endpoint: str) -> Any:
    return {
        "allow_http": _plain(endpoint),
        "connect_timeout": timedelta(seconds=CONNECT),
        "timeout": timedelta(seconds=REQUEST),
        "pool_idle_timeout": timedelta(seconds=30),
        "user_agent": "heavylift",
    }


def guarding(endpoint: str, environment: Mapping[str, str]) -> Any:
    """Settings by which S3 finds out that a byte changed on the way to it: the CRC-64/NVME of each request.

    A signature may hold the SHA-256 of what is sent, which costs more than all the rest of sending. Where TLS
    guards the way it is left out, as Amazon's own SDKs do. What the environment says by their names counts.
    """
    if environment.get("AWS_CHECKSUM_ALGORITHM"):  # which the store's client reads itself
        return {}
    if environment.get("AWS_REQUEST_CHECKSUM_CALCULATION", "").lower() == "when_required":
        return {}
    trusted = not _plain(endpoint) and not environment.get("AWS_UNSIGNED_PAYLOAD")
    return {"checksum_algorithm": "CRC64NVME", **({"unsigned_payload": True} if trusted else {})}


def _bucket(name: str, endpoint: str, environment: Mapping[str, str]) -> Bucket:
    region = _first(environment, ("AWS_REGION", "AWS_DEFAULT_REGION")) or "us-east-1"
    hosted = _yes(environment, "AWS_VIRTUAL_HOSTED_STYLE_REQUEST")
    root = (endpoint or f"https://s3.{region}.amazonaws.com").rstrip("/")
    if hosted and not endpoint:
        root = f"https://{name}.s3.{region}.amazonaws.com"
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    given = None
    if not _yes(environment, "AWS_SKIP_SIGNATURE"):
        token = _first(environment, ("AWS_SESSION_TOKEN", "AWS_TOKEN")) or None
        given = AwsCredentialsProvider.new_static(key, secret, token) if key and secret else credentials()
    return Bucket(url=root if hosted else f"{root}/{name}", region=region, credentials=given)


def _plain(endpoint: str) -> bool:
    return endpoint.lower().startswith("http://")


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((environment[name] for name in names if environment.get(name)), "")


def _yes(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").lower() in {"1", "true", "yes", "on"}
