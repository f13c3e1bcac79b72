"""What the tests need beyond pip is installed, or its absence is said aloud."""

import pytest

from tests.engines import Engine, provide, run


def engine(*, comes: bool, trouble: str | None = None) -> Engine:
    """One that is not there. `comes`: whether installing it helps."""
    installed: list[bool] = []

    def install() -> str | None:
        installed.append(comes)
        return trouble

    return Engine(name="an engine", why="drives", there=lambda: any(installed), install=install)


@pytest.mark.parametrize("strict", [True, False])
def test_what_is_missing_is_installed(strict: bool) -> None:
    one = engine(comes=True)
    assert provide([one], strict=strict) == 0
    assert one.there()


@pytest.mark.parametrize("trouble", ["no network", None])
def test_what_cannot_be_installed_is_said_and_fails_the_build_alone(
    trouble: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert provide([engine(comes=False, trouble=trouble)], strict=False) == 0
    assert f"MISSING an engine, which drives: {trouble or 'it is still not there'}" in capsys.readouterr().err
    assert provide([engine(comes=False, trouble=trouble)], strict=True) == 1


def test_a_command_that_fails_says_why() -> None:
    assert run(["sh", "-c", "true"]) is None
    assert run(["sh", "-c", "echo because >&2; exit 3"]) == "sh -c echo because >&2; exit 3 failed: because"
    assert run(["sh", "-c", "exit 3"]) == "sh -c exit 3 failed: status 3"
