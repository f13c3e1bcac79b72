"""Who may do what in the tests' bucket, said to the store in S3's own words."""

import hashlib
import json
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from awscrt.auth import (
    AwsCredentialsProvider,
    AwsSignatureType,
    AwsSignedBodyHeaderType,
    AwsSigningAlgorithm,
    AwsSigningConfig,
    aws_sign_request,
)
from awscrt.http import HttpHeaders, HttpRequest

from tests.objects.engines import BUCKET, KEYS, START_SECONDS, ObjectStore


@contextmanager
def denied(store: ObjectStore, action: str, paths: Sequence[str]) -> Iterator[None]:
    """Whoever is no administrator may do everything in the bucket, but not this to the objects at these
    paths."""
    arn = f"arn:aws:s3:::{BUCKET}"
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    nobody = {
        "Effect": "Deny", "Principal": "*", "Action": action, "Resource": [f"{arn}/{path}" for path in paths],
    }  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": [everybody, nobody]}
    _send(store, "PUT", json.dumps(policy).encode())
    try:
        yield
    finally:
        _send(store, "DELETE", b"")


def _send(store: ObjectStore, method: str, body: bytes) -> None:
    digest = hashlib.sha256(body).hexdigest()
    signing = AwsSigningConfig(
        algorithm=AwsSigningAlgorithm.V4,
        signature_type=AwsSignatureType.HTTP_REQUEST_HEADERS,
        credentials_provider=AwsCredentialsProvider.new_static(*KEYS.values()),
        region="us-east-1",
        service="s3",
        date=datetime.now(UTC),
        signed_body_value=digest,
        signed_body_header_type=AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
    )
    headers = HttpHeaders([("host", f"127.0.0.1:{store.port}")])
    signed = aws_sign_request(HttpRequest(method, f"/{BUCKET}?policy=", headers), signing).result()
    request = urllib.request.Request(
        f"{store.endpoint}/{BUCKET}?policy=", data=body or None, headers=dict(signed.headers), method=method
    )
    urllib.request.urlopen(request, timeout=START_SECONDS).close()
