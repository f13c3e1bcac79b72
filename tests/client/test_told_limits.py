"""What the page of the SDK says of projects, purposes, hooks, certificates and pauses, held to the word."""

import ssl
from pathlib import Path

import httpx2
import pytest

from heavylift import RetryConfig, errors
from heavylift.client.calls import Answer
from heavylift.client.hooks import HookContext, Hooks
from heavylift.client.operations.files import retrieve_file
from heavylift.client.retries import BackoffStrategy, Failure, pause_before_retry
from tests.client.both import Both
from tests.client.rig import MOMENT, Rig
from tests.support.stand_in import keep


def sent_by(both: Both, paths: list[Path], **more: object) -> list[str]:
    """What was left out of a batch, file by file."""
    setting = {name: more.pop(name) for name in ("project", "default_headers") if name in more}
    results = both.do(
        lambda client: client.files.upload_files(paths, purpose="batch", files=1, **more), **setting
    )
    return [result.skipped for result in results]


def test_a_journal_of_many_files_is_of_one_project(both: Both, tmp_path: Path) -> None:
    here, missing = tmp_path / "a.jsonl", tmp_path / "missing"
    here.write_bytes(b"{}\n")
    assert sent_by(both, [here, missing], project="proj_1") == ["", ""]
    assert sent_by(both, [here, missing], project="proj_2") == ["", ""]
    assert sent_by(both, [here, missing], project="proj_1") == ["an earlier run has sent it", ""]


def test_what_is_there_for_another_purpose_is_not_left_out(both: Both, tmp_path: Path) -> None:
    both.server.extensions = True
    (tmp_path / "a.jsonl").write_bytes(b"{}\n")
    keep(both.server, "a.jsonl", "evals", b"{}\n")
    assert sent_by(both, [tmp_path / "a.jsonl"], skip_existing=True, resume=False) == [""]
    assert sent_by(both, [tmp_path / "a.jsonl"], skip_existing=True, resume=False) != [""]


class Counting(Hooks):
    """Notes which answers it is shown."""

    def __init__(self) -> None:
        self.shown: list[int] = []

    def after_success(self, context: HookContext, answer: Answer) -> Answer:
        self.shown.append(answer.status)
        return answer


def test_a_redirect_that_is_not_followed_is_no_success(rig: Rig) -> None:
    hooks = Counting()
    rig.set(hooks=(hooks,), retries=RetryConfig("none"))
    rig.handle = lambda request: httpx2.Response(302, headers={"location": "ftp://elsewhere/"})
    with pytest.raises(errors.SDKError):
        rig.run(retrieve_file("file-1"))
    assert hooks.shown == []


def disbelieved(request: httpx2.Request) -> httpx2.Response:
    error = ssl.SSLCertVerificationError("self-signed certificate")
    error.verify_message = "self-signed certificate"
    raise httpx2.ConnectError("no") from error


@pytest.mark.parametrize("answered", [False, True])
def test_a_certificate_is_looked_at_again_only_where_one_was_believed_before(
    rig: Rig, answered: bool
) -> None:
    rig.setting.contacts.of(rig.setting.server_url).answered = answered
    rig.handle = disbelieved
    with pytest.raises(errors.CertificateError):
        rig.run(retrieve_file("file-1"))
    assert bool(rig.pauses) is answered


def test_who_may_not_wait_so_long_does_not_wait_at_all() -> None:
    config = RetryConfig(backoff=BackoffStrategy(max_elapsed_time=30_000))
    asked = Failure(status=503, headers={"retry-after": "31"})
    assert pause_before_retry(asked, config, attempt=0, elapsed_ms=0, now=MOMENT, dice=0.5) is None
