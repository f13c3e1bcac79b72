"""The clients of Azure and Groq, unmodified, as their documentation makes them: own paths, own headers."""

import hashlib
from collections.abc import Iterator

import groq
import openai
import pytest

from tests.serving import Served, serving

DATA = b'{"custom_id": "1"}\n'

AZURE = {
    "an endpoint": {},
    "an endpoint and a deployment": {"azure_deployment": "gpt"},
}


@pytest.fixture(scope="module")
def compatible(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that answers to them."""
    with serving(tmp_path_factory.mktemp("compatible"), env={"HEAVYLIFT_COMPATIBLE_PATHS": "true"}) as served:
        yield served


def azure(served: Served, key: str, **more: str) -> openai.AzureOpenAI:
    """The class for Azure, which refuses an answer that does not fit its own types."""
    return openai.AzureOpenAI(
        azure_endpoint=served.root, api_key=key, api_version="2025-04-01-preview",
        _strict_response_validation=True, **more,
    )  # type: ignore[call-overload,no-any-return]  # fmt: skip


def whole_story(client: openai.OpenAI) -> None:
    """Everything that the client has for Uploads and Files."""
    upload = client.uploads.create(bytes=6, filename="x.jsonl", mime_type="text/jsonl", purpose="batch")
    parts = [client.uploads.parts.create(upload.id, data=data).id for data in (b"abc", b"def")]
    done = client.uploads.complete(upload.id, part_ids=parts, md5=hashlib.md5(b"abcdef").hexdigest())
    assert done.file is not None
    pending = client.uploads.create(bytes=6, filename="x.jsonl", mime_type="text/jsonl", purpose="batch")
    assert client.uploads.cancel(pending.id).status == "cancelled"
    posted = client.files.create(file=("a.jsonl", DATA), purpose="batch")
    assert client.files.retrieve(posted.id) == posted
    assert [file.id for file in client.files.list(limit=1, purpose="batch")][:2] == [posted.id, done.file.id]
    assert client.files.content(done.file.id).read() == b"abcdef"
    assert client.files.content(posted.id).read() == DATA
    assert client.files.delete(posted.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(posted.id)


@pytest.mark.parametrize("more", AZURE.values(), ids=AZURE)
def test_azures_class_tells_the_whole_story(compatible: Served, more: dict[str, str]) -> None:
    with azure(compatible, compatible.key, **more) as client:
        whole_story(client)


@pytest.mark.parametrize("path", ["/openai/v1", "/openai", ""])
def test_so_does_the_usual_class_at_the_addresses_of_others(compatible: Served, path: str) -> None:
    with openai.OpenAI(base_url=f"{compatible.root}{path}", api_key=compatible.key) as client:
        whole_story(client)


def test_azures_class_is_told_that_its_key_is_wrong(compatible: Served) -> None:
    with (
        azure(compatible, "hl-a-key-that-nobody-made") as client,
        pytest.raises(openai.AuthenticationError) as unknown,
    ):
        client.files.list()
    assert unknown.value.code == "invalid_api_key"


def test_groqs_client_does_all_that_it_has(compatible: Served) -> None:
    with groq.Groq(
        base_url=compatible.root, api_key=compatible.key, _strict_response_validation=True
    ) as client:
        made = client.files.create(file=("a.jsonl", DATA), purpose="batch")
        assert made.id is not None
        assert client.files.info(made.id).bytes == len(DATA)
        assert made.id in [file.id for file in client.files.list().data]
        assert client.files.content(made.id).read() == DATA
        assert client.files.delete(made.id).deleted
        with pytest.raises(groq.NotFoundError):
            client.files.info(made.id)


def test_without_the_setting_azures_class_finds_no_such_path(server: Served) -> None:
    with azure(server, server.key) as client, pytest.raises(openai.NotFoundError) as unknown:
        client.files.list()
    assert unknown.value.code == "unknown_url"
