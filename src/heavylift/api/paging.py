"""The query of a list: `limit`, `order`, `after`, each refused in OpenAI's way."""

import re
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from heavylift.api.schemas import LIMITS
from heavylift.domain import ids
from heavylift.domain.errors import InvalidRequest, NoSuchCursor
from heavylift.service.ports import Page

ORDERS = ("asc", "desc")


def page_of(request: Request, prefix: str, *, most: int) -> tuple[Page, int]:
    """The page to look up, and how many entries of it to show.

    It is one entry longer than what is shown, which tells whether there is another page. An id
    of the right form is a position even when nothing of that id is there (any more).
    """
    limit, order, after = (asked(request, name) for name in ("limit", "order", "after"))
    shown = _limit(limit, most)
    ascending = choice("order", order, ORDERS) == "asc"
    return Page(limit=shown + 1, after=_after(after, prefix), ascending=ascending), shown


def asked(request: Request, name: str) -> str | None:
    """What the query says of it. An empty value says nothing, as a form that was sent unfilled."""
    return request.query_params.get(name) or None


def choice(name: str, value: str | None, values: Sequence[str]) -> str | None:
    """One of `values`, or None if nothing was said."""
    if value is None or value in values:
        return value
    wanted = ", ".join(f"'{one}'" for one in values)
    raise InvalidRequest(f"Invalid '{name}': '{value[:100]}'. Expected one of {wanted}.", param=name)


def _limit(text: str | None, most: int) -> int:
    if text is None:
        return most
    if re.fullmatch("[0-9]{1,9}", text) and 1 <= int(text) <= most:
        return int(text)
    raise InvalidRequest(f"limit must be between 1 and {most}.", param="limit")


def _after(text: str | None, prefix: str) -> str | None:
    if text is None or ids.is_id(prefix, text):
        return text
    raise NoSuchCursor


def query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """A query parameter as the OpenAPI document describes it. An empty one says nothing (see `asked`)."""
    described = {"name": name, "in": "query", "description": description, "schema": schema}
    return {**described, "allowEmptyValue": True}


PAGE_QUERY = [
    query("limit", "Entries of a page.", type="integer", minimum=1, maximum=LIMITS.page, default=LIMITS.page),
    query("order", "By time of creation.", type="string", enum=list(ORDERS), default="desc"),
    query("after", "The id behind which the page begins: the last one of the page before.", type="string"),
]
