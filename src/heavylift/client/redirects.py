"""Where an answer sends a request instead: what may be followed, and what may go along. RFC 9110, 15.4."""

from dataclasses import replace
from typing import Final
from urllib.parse import urljoin, urlsplit

from heavylift.client.calls import Answer, Request
from heavylift.client.hidden import is_secret
from heavylift.client.logs import without_password
from heavylift.client.origins import origin

MOST: Final = 5
"""Redirects of one request. More are a circle."""

_ANY_METHOD: Final = frozenset({307, 308})
_READING: Final = frozenset({301, 302, 303})


def redirected(request: Request, answer: Answer) -> Request | None:
    """The request that the answer asks for, None if it asks for none, or for one that is not followed.

    GET and HEAD are followed, and with 307 and 308 every method, with its body. Keys and cookies go to the
    same origin alone, a name and password in the answer nowhere, and nothing goes from https to http.
    """
    location = answer.headers.get("location")
    followed = answer.status in _ANY_METHOD or (
        answer.status in _READING and request.method in {"GET", "HEAD"}
    )
    if not location or not followed:
        return None
    try:
        url = urljoin(request.url, location)
        here, there = urlsplit(request.url), urlsplit(url)
        same = origin(request.url) == origin(url)
    except ValueError:
        return None
    if (
        there.scheme not in {"http", "https"}
        or not there.hostname
        or (here.scheme, there.scheme) == ("https", "http")
    ):
        return None
    headers = {name: value for name, value in request.headers.items() if same or not is_secret(name)}
    return replace(request, url=without_password(url), headers=headers)
