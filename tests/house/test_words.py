"""The words that people search for stand where they look, and a unit means one thing on every page."""

import re

import pytest

from tests.house.project import pages

HEADINGS = {
    "docs/sdk.md": ("resum", "retries", "timeouts", "errors"),
    "docs/cli.md": ("resum", "exit codes"),
    "docs/operations.md": ("tenants", "garbage collection", "retention", "backup", "upgrade", "logs", "slow"),
}
"""By page: what somebody skims its headings for."""


@pytest.mark.parametrize("page", HEADINGS)
def test_headings_have_the_words_that_are_searched_for(page: str) -> None:
    headings = "\n".join(re.findall(r"^#+ .+$", pages()[page], re.MULTILINE)).lower()
    assert [word for word in HEADINGS[page] if word not in headings] == []


def test_the_first_page_names_what_is_looked_for() -> None:
    text = pages()["README.md"].lower()
    for word in ("resume", "timeout", "garbage collection", "retention", "tenant", "checksum"):
        assert word in text, word


def test_a_megabyte_is_a_million_bytes_and_a_mebibyte_is_not() -> None:
    for name, text in pages().items():
        assert not re.search(r"\b1 MB is 1,048,576|\b(?:64|512) MB\b|\b8 GB\b", text), name
        assert "time-out" not in text or name == "docs/decisions.md", name
