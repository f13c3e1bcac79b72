"""docs/sdk-reference.md is complete: every operation, parameter, code and field has its words."""

import inspect

from heavylift import funcs
from tests.house.codes import raw_codes, refusals
from tests.house.project import pages
from tests.house.sdk_page import ANSWERS, SAID, WORDS, parameters, rows_of

PAGE = pages()["docs/sdk-reference.md"]
OPERATIONS = {name for name in funcs.__all__ if hasattr(getattr(funcs, name), "flow")}


def test_every_operation_has_a_section_limits_codes_and_an_example() -> None:
    assert set(SAID) == OPERATIONS
    assert {name for name in SAID if not (SAID[name]["limits"] and SAID[name]["codes"])} == set()
    for name in OPERATIONS:
        assert f"\n## `{name.replace('_', '.', 1)}`\n" in PAGE
        assert inspect.getdoc(getattr(funcs, name).flow)


def test_every_parameter_and_every_field_of_an_answer_has_a_meaning() -> None:
    used = {parameter.name for name in OPERATIONS for parameter, _ in parameters(name)}
    assert used - set(WORDS["parameters"]) == set()
    assert set(WORDS["parameters"]) - used <= {"start", "end"}, "only the method of a download has these"
    assert {field for model in ANSWERS for field in model.model_fields} == set(WORDS["fields"])


def test_every_code_that_the_server_answers_stands_with_an_operation() -> None:
    known = {answer.code or answer.name for answer in refusals()} | {code for _, code in raw_codes()}
    named = {code for said in SAID.values() for code in said["codes"]}
    assert known == named | set(WORDS["common"]) | set(WORDS["elsewhere"])
    for said in SAID.values():
        assert {code for _, _, code, _ in rows_of(said["codes"])} <= known | {""}
