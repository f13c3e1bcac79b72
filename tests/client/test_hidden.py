"""Nobody sees a key: not in debug lines, not in errors, whatever the header is called."""

import logging

import httpx2
import pytest

from heavylift.cli.failures import explained
from heavylift.client import errors
from heavylift.client.hidden import is_secret, redacted
from heavylift.client.operations.files import retrieve_file
from heavylift.client.options import RequestOptions
from tests.client.rig import Rig

SECRETS = (
    "Authorization", "Proxy-Authorization", "X-Api-Key", "Ocp-Apim-Subscription-Key", "X-Amz-Security-Token",
    "Cookie", "Set-Cookie", "CF-Access-Client-Secret", "X-Auth-Token", "X-Vault-Token", "apikey",
    "X-Session-Id", "X-Goog-Signature", "X-Password",
)  # fmt: skip
PLAIN = ("Idempotency-Key", "Content-Type", "X-Trace", "X-Request-Id", "Keep-Alive", "X-Monkey", "Server")


@pytest.mark.parametrize("name", SECRETS)
def test_a_header_that_speaks_of_secrets_is_hidden_however_it_is_written(name: str) -> None:
    for spelled in (name, name.lower(), name.upper()):
        assert redacted({spelled: "sesame"}) == {spelled: "<redacted>"}


@pytest.mark.parametrize("name", PLAIN)
def test_a_header_that_only_sounds_alike_is_shown(name: str) -> None:
    assert not is_secret(name)


def test_neither_debug_lines_nor_errors_show_a_header_of_the_users(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rig.handle = lambda request: httpx2.Response(400, headers={"X-New-Token": "sesame-2"})
    options = RequestOptions(http_headers={"Ocp-Apim-Subscription-Key": "sesame-1", "X-Trace": "seen"})
    with pytest.raises(errors.BadRequestError) as caught:
        rig.run(retrieve_file(file_id="file-1", options=options))
    assert "sesame" not in caplog.text + str(caught.value)
    assert "seen" in caplog.text


@pytest.mark.parametrize(("key", "said"), [("e", "No such File: here."), ("no-such-key-1", "Not <key>.")])
def test_a_key_is_hidden_in_messages_and_a_short_one_tears_no_words_apart(key: str, said: str) -> None:
    message = "No such File: here" if len(key) == 1 else f"Not {key}"
    assert explained(OSError(message), server_url="http://a.test/v1", secret=key) == said
