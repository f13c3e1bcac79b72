"""Writes the pages of docs/ that are generated: `python -m tests.house.reference`."""

from collections.abc import Callable

from tests.house import cli_page, errors_page, sdk_page, settings_page
from tests.house.project import DOCS

PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page.page,
    "errors.md": errors_page.page,
    "sdk-reference.md": sdk_page.page,
    "settings.md": settings_page.page,
}
"""By file name: what a page should hold."""

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
