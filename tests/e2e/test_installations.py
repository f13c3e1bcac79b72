"""What a combination of stores is left with is really looked at, on each of them."""

from pathlib import Path

import obstore
import pytest

from heavylift.catalog import migrate_catalog
from heavylift.domain.ids import new_blob_key
from tests.installations import COMBINATIONS, Installation, left_clean
from tests.objects.engines import BUCKET

pytestmark = pytest.mark.stores(*COMBINATIONS)


def put(installation: Installation, key: str) -> None:
    """A blob behind the service's back."""
    if installation.store:
        prefix = installation.blobs_url.removeprefix(f"s3://{BUCKET}/")
        obstore.put(installation.store.client(), f"{prefix}/{key}", b"x")
    else:
        path = Path(installation.blobs_url.removeprefix("file://"), key[:2], key)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")


def test_a_blob_that_nothing_points_at_is_noticed(new_installation: Installation) -> None:
    migrate_catalog(new_installation.catalog)
    key = new_blob_key()
    with left_clean(new_installation):
        assert new_installation.blobs() == []
    with pytest.raises(AssertionError, match=key), left_clean(new_installation):
        put(new_installation, key)
    assert new_installation.blobs() == [key]
