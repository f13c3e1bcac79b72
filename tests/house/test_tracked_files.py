"""What may not lie in the repository: one machine's paths, download addresses, keys, big files."""

import re

from tests.house.project import short, tracked

HOME = re.compile(r"(?<![\w.])/(?:home|Users|root)/[a-z]\w*|(?<![\w.])/work/(?:main|shared)\b")
REGISTRY = re.compile(
    r"https?://[^\s\"')]*(?:pypi|pythonhosted|npmjs|yarnpkg|crates\.io|artifactory|nexus|jfrog)[^\s\"')]*"
    r"|--(?:extra-)?index-url|\"resolved\"\s*:|^\s*registry\s*=",
    re.IGNORECASE | re.MULTILINE,
)
SECRET = re.compile(r"\bsk-[A-Za-z0-9_-]{20,}|\bhl-[A-Za-z0-9_-]{43}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----")
MOST_BYTES = 512 * 1024
THIS = "tests/house/test_tracked_files.py"

TEXTS = {
    short(path): path.read_text(encoding="utf-8", errors="replace")
    for path in tracked()
    if short(path) != THIS
}


def found(pattern: re.Pattern[str]) -> dict[str, list[str]]:
    """What a pattern finds, by file."""
    return {name: pattern.findall(text) for name, text in TEXTS.items() if pattern.search(text)}


def test_no_file_names_a_place_on_one_persons_machine() -> None:
    assert found(HOME) == {}


def test_no_file_says_where_packages_are_downloaded_from() -> None:
    assert found(REGISTRY) == {}


def test_no_file_holds_a_key() -> None:
    assert found(SECRET) == {}


def test_no_file_is_large() -> None:
    assert {short(path) for path in tracked() if path.stat().st_size > MOST_BYTES} == set()


def test_the_patterns_find_what_they_are_for() -> None:
    assert HOME.search("see " + "/home/" + "ann/notes")
    assert REGISTRY.search("https://registry." + "npmjs" + ".org/openai")
    assert SECRET.search("hl-" + "a" * 43)
