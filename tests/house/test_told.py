"""What is easily left untold stands on a page, in these words, and a test proves each of them."""

import ast
import re

import pytest

from tests.house.project import ROOT, tree_of

TOLD = {
    "a stop that was asked for": (
        "operations.md", "| 0 | It was told to stop, and has stopped.",
        "e2e/test_workers.py", "test_workers_that_die_while_the_database_is_down_come_back_and_wait_for_it",
    ),
    "a service that cannot serve": (
        "operations.md", "| 1 | It failed: the application did not start, or no worker came to serve. |",
        "e2e/test_workers.py", "test_without_a_worker_that_comes_to_serve_it_gives_up_and_says_so",
    ),
    "a wrong setting": (
        "operations.md", "| 2 | A setting is wrong: the port is taken, the certificate cannot be loaded.",
        "e2e/test_stopping.py", "test_a_port_that_is_taken_is_an_error_of_the_settings_before_a_key_is_made",
    ),
    "a second signal": (
        "operations.md", "| 130, 143 | A second SIGINT, or SIGTERM, came, and it did not wait. |",
        "e2e/test_stopping.py", "test_a_second_signal_does_not_wait",
    ),
    "Ctrl-C of a command": (
        "cli.md", "| 130 | Ctrl-C. What can be gone on with is kept. |",
        "cli/test_interrupted.py", "test_what_is_kept_is_named",
    ),
    "a worker that dies": (
        "operations.md", "A worker that dies is replaced. The others go on:",
        "e2e/test_workers.py", "test_workers_that_die_while_the_database_is_down_come_back_and_wait_for_it",
    ),
    "a worker that stands still": (
        "operations.md", "is killed and replaced.",
        "e2e/test_workers.py", "test_a_worker_that_stands_still_keeps_nobody_waiting_and_is_replaced",
    ),
    "closed downloads": (
        "http.md", "`HEAVYLIFT_DOWNLOADS=openai`: of Files whose purpose is `assistants` or `user_data`.",
        "e2e/test_conformance_files.py", "test_case_097_purposes_that_openai_closes_can_be_closed",
    ),
    "unknown query parameters": (
        "http.md", "An unknown query parameter is ignored, and an empty one counts as absent;",
        "api/test_paging.py", "test_unknown_query_keys_are_ignored",
    ),
    "unknown fields of JSON": (
        "http.md", "An unknown field is refused.",
        "e2e/test_conformance_create.py", "test_case_016_an_unknown_key_is_refused_by_name",
    ),
    "unknown fields of a form": (
        "http.md", "An unknown field is refused.",
        "e2e/test_conformance_files.py", "test_case_091_an_unknown_form_field_is_refused",
    ),
    "cancelling what has expired": (
        "http.md", "Nor can an expired one, which holds nothing to free.",
        "e2e/test_conformance_endings.py",
        "test_case_084_an_expired_upload_is_refused_and_its_parts_are_collected",
    ),
    "a proxy's own answer": (
        "errors.md", "502 with the code `unreachable` and `Retry-After`, and 413 with `body_too_large`.",
        "replicas/test_balancer.py", "test_what_nginx_itself_refuses_comes_in_the_envelope",
    ),
    "a proxy that finds no server": (
        "errors.md", "502 with the code `unreachable`",
        "replicas/test_balancer.py",
        "test_what_was_on_its_way_to_a_server_that_dies_is_repeated_only_where_that_does_no_harm",
    ),
    "HEAD": (
        "http.md", "## `HEAD /v1/files/{file_id}/content`",
        "api/test_openapi.py", "test_what_head_is_answered_is_there_without_a_body",
    ),
    "JSON of every command": (
        "operations.md", "With `--json` all but `serve` answer in JSON.",
        "cli/test_administration.py", "test_every_command_of_the_table_answers_in_json",
    ),
    "migrate": (
        "operations.md", "| `heavylift migrate` | Make or upgrade the catalog's tables.",
        "cli/test_administration.py", "test_every_command_of_the_table_answers_in_json",
    ),
    "migrate-data": (
        "operations.md", "| `heavylift migrate-data` | Carry a whole installation into other stores:",
        "cli/test_administration.py", "test_every_command_of_the_table_answers_in_json",
    ),
    "MD5 of a whole file": (
        "operations.md", "`complete` with `md5` reads the whole file once, at about 600 MB/s;",
        "hostile/test_digesting.py", "test_whoever_asks_often_is_answered_out_of_one_reading",
    ),
}  # fmt: skip
"""The page, its words, the file of the test below tests/, the test."""


@pytest.mark.parametrize(("page", "words", "file", "test"), TOLD.values(), ids=TOLD)
def test_it_stands_on_its_page_and_has_a_test(page: str, words: str, file: str, test: str) -> None:
    text = " ".join((ROOT / "docs" / page).read_text(encoding="utf-8").split())
    assert words in text
    tests = [
        node.name
        for node in ast.walk(tree_of(ROOT / "tests" / file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert test in tests


def test_the_rate_of_md5_is_told_alike_everywhere() -> None:
    pages = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    text = " ".join(pages.split())
    assert len(re.findall(r"md5`[^.]{0,80}?(\d+) MB", text)) >= 2
    assert set(re.findall(r"md5`[^.]{0,80}?(\d+) MB", text)) == {"600"}
