"""Downloads are counted: for a process and for each project."""

import pytest

from heavylift.api.readers import Readers
from heavylift.domain.errors import Overloaded


def test_a_project_holds_its_share_and_all_projects_together_what_there_is() -> None:
    readers = Readers(5, of_project=3)
    ours = [readers.enter("ours") for _ in range(3)]
    with pytest.raises(Overloaded, match="your project") as refused:
        readers.enter("ours")
    assert refused.value.retry_after
    theirs = [readers.enter("theirs") for _ in range(2)]
    with pytest.raises(Overloaded, match="5 downloads"):
        readers.enter("theirs")
    for _ in range(2):  # once counts, twice does no harm
        ours[0]()
    readers.enter("theirs")
    with pytest.raises(Overloaded):
        readers.enter("ours")
    theirs[0]()
    readers.enter("ours")
