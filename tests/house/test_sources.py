"""The house rules of source code: every module says what it is for, and stays small."""

import ast
import re
from statistics import median

from tests.house.project import MODULES, OURS, functions_of, lines_of, short, tree_of

MOST_FILE_LINES = 350
MOST_FUNCTION_LINES = 60
MEDIAN_FILE_LINES = 120
MEDIAN_FUNCTION_LINES = 8
FORBIDDEN = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "common", "misc"}
"""Names that say nothing of what is inside."""


def test_every_module_opens_with_its_purpose_in_one_line() -> None:
    first_lines = {
        short(path): (ast.get_docstring(tree_of(path)) or "").partition("\n")[0]
        for path in OURS
        if path.name != "__init__.py" or path in MODULES
    }
    assert {name: line for name, line in first_lines.items() if not re.search(r"\S[.:?]\Z", line)} == {}


def test_every_file_can_be_read_in_one_sitting() -> None:
    assert {short(path): lines_of(path) for path in OURS if lines_of(path) > MOST_FILE_LINES} == {}


def test_every_function_can_be_taken_in_at_a_glance() -> None:
    long = {
        where: lines for path in OURS for where, lines in functions_of(path) if lines > MOST_FUNCTION_LINES
    }
    assert long == {}


def test_no_module_is_named_after_nothing() -> None:
    words = {short(path): set(re.split(r"[/_.]", short(path))) for path in OURS}
    assert [name for name, found in words.items() if found & FORBIDDEN] == []


def test_the_product_is_made_of_small_files_and_small_functions() -> None:
    files = median(lines_of(path) for path in MODULES if lines_of(path) > 1)
    functions = median(lines for path in MODULES for _, lines in functions_of(path))
    print(f"median: {files} lines a file, {functions} lines a function")
    assert files <= MEDIAN_FILE_LINES
    assert functions <= MEDIAN_FUNCTION_LINES
