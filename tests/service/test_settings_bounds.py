"""No number of the settings is larger than clocks and databases can count; a file of settings is a file."""

import os
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from heavylift.environment import WrongSetting, in_file
from heavylift.settings import PurposeExtension, Settings

NUMBERS = [
    name for name, field in Settings.model_fields.items()
    if field.annotation in (int, float) or {int, float} & set(get_args(field.annotation))
]  # fmt: skip


def test_the_numbers_are_found() -> None:
    assert {"port", "max_part_bytes", "max_parts", "keep_alive", "upload_seconds"} <= set(NUMBERS)


@pytest.mark.parametrize("value", [2**63, 10**25, float("inf"), float("nan"), "999999999999999999T"])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_nothing_can_count_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(**{name: value})
    assert refused.value.errors()[0]["loc"] == (name,)


def test_so_it_is_in_a_row_of_the_table_of_purposes() -> None:
    for given in ({"post_bytes": 2**63}, {"lifetime": 2**63}, {"lifetime": "999999999999w"}):
        with pytest.raises(ValidationError):
            PurposeExtension.model_validate(given)


def test_a_file_may_begin_as_some_editors_have_it(tmp_path: Path) -> None:
    file = tmp_path / "set.toml"
    file.write_bytes(b"\xef\xbb\xbfport = 9000\r\n")
    assert in_file(file) == {"port": 9000}


def test_a_pipe_is_no_file_of_settings(tmp_path: Path) -> None:
    """It would be read once, by whoever looks first, and say nothing to the processes that serve."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WrongSetting, match=r"--config=.*pipe is a pipe, .* name a file"):
        in_file(tmp_path / "pipe", named_by="--config")
