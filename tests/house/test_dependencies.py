"""Every dependency has a reason, and an exact version that the build runs with."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house import constraints
from tests.house.constraints import OURSELVES, installed, requirements
from tests.house.project import ROOT

PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PIN = re.compile(r"([a-z0-9-]+)==([A-Za-z0-9_.+!]+)\Z")
DECLARED = re.compile(r"""^\s*"([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?\s*[<>=~!;][^"]*"\s*,(.*)$""", re.MULTILINE)


def pins() -> list[tuple[str, str]]:
    lines = constraints.FILE.read_text(encoding="utf-8").splitlines()
    found = [PIN.match(line) for line in lines if not line.startswith("#")]
    assert all(found), "constraints.txt holds a line that is not name==version"
    return [(match[1], match[2]) for match in found if match]


def test_every_declared_dependency_says_why_it_is_there() -> None:
    declared = DECLARED.findall(PYPROJECT)
    project = tomllib.loads(PYPROJECT)["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    assert {name for name, _ in declared} == {
        Requirement(text).name for group in groups for text in group
    } - {OURSELVES}
    assert [name for name, rest in declared if not re.match(r"\s*#\s*\S+ \S+", rest)] == []


def test_whatever_is_installed_is_pinned_to_that_version() -> None:
    pinned, here = dict(pins()), installed()
    assert {name: pinned.get(name) for name in here} == here, "run `python -m tests.house.constraints`"


def test_nothing_is_pinned_that_nobody_requires() -> None:
    here = installed()
    asked_for = {  # whatever the marker says: another system or Python may need what this one does not
        canonicalize_name(requirement.name)
        for name in [OURSELVES, *here]
        for requirement, _ in requirements(name, frozenset())
    }
    assert {name for name, _ in pins()} - asked_for == set()


def test_the_constraints_are_sorted_and_name_nothing_twice() -> None:
    names = [name for name, _ in pins()]
    assert names == sorted(set(names))
