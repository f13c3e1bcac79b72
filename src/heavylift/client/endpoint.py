"""Which server, and which key to it: one decision, for the SDK and the command line alike. Pure.

Places that may name a server, a key or both come in their order; the first that names one wins, for
each of the two. What keeps a key from strangers:

    a key of          goes to
    ----------------  ------------------------------------------------------
    an argument       the server that is decided on, whoever names it
    HEAVYLIFT_API_KEY the same, but OPENAI_BASE_URL names none for it
    a profile         the profile's server alone
    OPENAI_API_KEY    the server that OPENAI_BASE_URL has named, alone
    the installation  the service that runs on it, alone
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeAlias

from heavylift.client.local import LOCAL_SERVER
from heavylift.client.logs import without_password
from heavylift.client.origins import checked_url, moved, same_here, same_origin

ApiKey: TypeAlias = str | Callable[[], str] | Callable[[], Awaitable[str]]


class Kind(Enum):
    """What sort of place names a server or a key."""

    ARGUMENT = auto()
    VARIABLE = auto()
    PROFILE = auto()
    OPENAI = auto()
    INSTALLATION = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One place. `url_name` and `key_name` are how people know it; an empty key is one: none is to be sent.

    `ca_cert` is a file of certificates for its server. `remark`: why it names less than one might expect.
    """

    kind: Kind
    url: str | None = None
    url_name: str = ""
    key: ApiKey | None = field(default=None, repr=False)
    key_name: str = ""
    ca_cert: str | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Which certificates are believed: those of a file that something has named, one alone (`pinned`, in PEM,
    whatever name it is for), or those that the system believes."""

    file: str | None = None
    named_by: str = ""
    pinned: str | None = None


ARGUMENT: Final = "ca_cert="
"""What names the file that a caller gives."""

SYSTEM: Final = Trust()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What was decided, and who named it. `key` None: there is none, and `remarks` say what was passed over.

    `only_to`: the URL of the one server that the key is for; None for a key that goes along anywhere.
    """

    url: str
    url_name: str
    key: ApiKey | None = field(default=None, repr=False)
    key_name: str = ""
    only_to: str | None = None
    ca_cert: str | None = None
    trust: Trust = SYSTEM
    remarks: tuple[str, ...] = ()

    def lacking_key(self) -> str:
        """What to do about a key that is not there, in sentences."""
        named = self.url_name != DEFAULT
        lacking = (
            f"an API key for {self.url} ({self.url_name})" if named else "a server to talk to and its key"
        )
        variables = "HEAVYLIFT_API_KEY" if named else "HEAVYLIFT_BASE_URL and HEAVYLIFT_API_KEY"
        arguments = "api_key=" if named else "server_url= and api_key="
        remarks = "".join(f" {remark}." for remark in self.remarks)
        return (
            f"Nothing names {lacking}. Set {variables}, give {arguments}, or run `heavylift login`;"
            f' api_key="" is for a server that asks for none.{remarks}'
        )


DEFAULT: Final = "the local server, as nothing names another"


def decide(sources: Iterable[Source]) -> Endpoint:
    """The first server and the first key that may go to it. `sources` are asked no longer than necessary.
    Raises InvalidRequestError for what is no URL."""
    server: Source | None = None
    keyed: Source | None = None
    passed: list[Source] = []
    for source in sources:
        if server is None and _names_server(source, keyed):
            checked_url(source.url or "", named_by=source.url_name)
            server = source
        if keyed is None and source.key is not None and _may_go(source, server):
            keyed = source
        elif source.key is not None or source.remark:
            passed.append(source)
        if server is not None and keyed is not None:
            break
    return _decided(server, keyed, passed)


def _names_server(source: Source, keyed: Source | None) -> bool:
    """Whether the server is this one's. OPENAI_BASE_URL goes with its own key, or with one that was given for
    this very call: others are not for a server that is, perhaps, OpenAI's."""
    if source.url is None or source.kind is not Kind.OPENAI:
        return source.url is not None
    return source.key is not None if keyed is None else keyed.kind is Kind.ARGUMENT


def _may_go(source: Source, server: Source | None) -> bool:
    """Whether this one's key may go to that server."""
    match source.kind:
        case Kind.ARGUMENT | Kind.VARIABLE:
            return True
        case Kind.OPENAI:
            return server is source
    if server is None or server.url is None or source.url is None:
        return False
    same = same_here if source.kind is Kind.INSTALLATION else same_origin
    return same(server.url, source.url)


def _decided(server: Source | None, keyed: Source | None, passed: Iterable[Source]) -> Endpoint:
    named_by = DEFAULT if server is None else server.url_name
    url = LOCAL_SERVER if server is None else checked_url(server.url or "")
    bound = keyed is not None and keyed.kind not in {Kind.ARGUMENT, Kind.VARIABLE}
    if keyed is not None and keyed.kind is Kind.INSTALLATION and keyed.url and url.startswith("http:"):
        url = moved(url, keyed.url)  # localhost may lead to somebody else's ::1; TLS knows whom it speaks to
    of_profile = [one for one in (server, keyed) if one is not None and one.ca_cert]
    return Endpoint(
        url=url,
        url_name=named_by,
        key=None if keyed is None else keyed.key,
        key_name="" if keyed is None else keyed.key_name,
        only_to=url if bound else None,
        ca_cert=of_profile[0].ca_cert if of_profile else None,
        remarks=() if keyed else tuple(_why_passed(one) for one in passed),
    )


def _why_passed(source: Source) -> str:
    if source.remark:
        return source.remark
    if source.kind is Kind.OPENAI:
        return f"{source.key_name} is set, but goes to no server but that of OPENAI_BASE_URL"
    return f"The key of {source.key_name} goes to {without_password(source.url or '')} alone"
