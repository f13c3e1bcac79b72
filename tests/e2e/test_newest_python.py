"""A share of the tests runs on the newest Python there is; `make newest` runs all that need no engine."""

import pytest

from tests.newest import SHARE, newest, provide, run


@pytest.mark.timeout(900)
def test_the_newest_python_passes_as_well() -> None:
    python = newest()
    if python is None:
        pytest.skip("NOTHING WAS TESTED ON A NEWER PYTHON: neither pyenv nor the path has one")
    assert run(provide(python), SHARE).returncode == 0
