"""Every conformance case of the protocol has a test that carries its number."""

import re
from pathlib import Path

CASE = re.compile(r"^(?:async )?def test_case_(\d{3})_", re.MULTILINE)


def test_every_case_from_1_to_125_has_a_test() -> None:
    modules = Path(__file__).parent.glob("test_*.py")
    found = {int(number) for path in modules for number in CASE.findall(path.read_text(encoding="utf-8"))}
    assert found == set(range(1, 126))
