"""The vocabulary of flows: what a flow may ask its driver for, as plain values.

A flow is a generator that yields steps and receives their answers. It does no I/O on the
network itself, so the same flow runs on the blocking and on the asynchronous driver.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeAlias, TypeVar

from heavylift.client.options import NO_OPTIONS, RequestOptions
from heavylift.client.sources import FileContent, Source

if TYPE_CHECKING:
    from heavylift.client.bodies import Outgoing
    from heavylift.client.config import Setting
    from heavylift.client.errors import SDKError
    from heavylift.client.window import Window

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonBody:
    """A JSON object."""

    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormBody:
    """A multipart form: text fields first, then one file out of `source`."""

    field: str
    source: Source
    filename: str = "upload"
    content_type: str = "application/octet-stream"
    texts: tuple[tuple[str, str], ...] = ()


Body: TypeAlias = JsonBody | FormBody | None


class Watch(Protocol):
    """Who wants to know how the bytes of a call are getting on. Called from any thread."""

    def moved(self, count: int) -> None:
        """So many bytes went over the wire; a negative count takes back those of a failed attempt."""
        ...

    def retrying(self) -> None:
        """Another attempt will be made."""
        ...

    def pushed_back(self) -> None:
        """The server asked for less: 429 or 503."""
        ...


MOST_OF_ONE: Final = 1024 * 1024
"""Bytes of an answer about one thing: an Upload with its File and the longest names has 8 KB."""

MOST_OF_PAGE: Final = 32 * 1024 * 1024
"""Bytes of a page: 10,000 entries with names of 255 characters have 14 MB, and as much again where a server
writes every character as an escape."""


class Sink(Protocol):
    """Where the body of an answer goes instead of into memory. Begun anew for every attempt.

    `raw`, from its beginning on: the body is wanted with the coding that the answer names.
    """

    raw: bool

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """The answer starts. Raises when it is not the one that was asked for."""
        ...

    def write(self, block: bytes | memoryview) -> None:
        """The next bytes. May block."""
        ...

    def end(self) -> None:
        """No more of them, for good or ill. Harmless when repeated."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request as it is about to be sent; hooks may replace it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Body = None
    timeout_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. `headers` are found in any case.

    `content` is empty when the body went into a sink or is yet to be read from `raw`, which is
    the HTTP library's response. `sent_checksum` covers the file of a form as it was sent.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes = b""
    raw: Any = None
    sent_checksum: int | None = None

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is shown as a replacement character."""
        return self.content.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T_co]):
    """One operation of the protocol: what to send, and how to understand the answer.

    With `sink` the body goes there as it comes; with `stream` it is left unread. `once`: it creates
    something, and is sent with an idempotency key. `settle` makes an answer out of a refusal that
    follows a lost answer, or gives None. `most_ms` bounds how long it is tried, unless the user says so;
    `most_bytes` bounds an answer that is read whole.
    """

    operation: str
    method: str
    path: str
    parse: Callable[[Answer], T_co]
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = None
    options: RequestOptions = NO_OPTIONS
    watch: Watch | None = None
    sink: Sink | None = None
    stream: bool = False
    patient: bool = False
    most_ms: int | None = None
    most_bytes: int = MOST_OF_ONE
    once: bool = False
    settle: "Callable[[SDKError], Flow[T_co | None]] | None" = None


class Tally:
    """Counts what one attempt moves, so that all of it can be taken back when the attempt fails."""

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch
        self._moved = 0

    def moved(self, count: int) -> None:
        """So many more bytes."""
        self._moved += count
        if self._watch is not None and count:
            self._watch.moved(count)

    def take_back(self) -> None:
        """The attempt failed: they do not count."""
        self.moved(-self._moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Send this once. Answered with an Answer, or HTTPClientError where there is none."""

    request: Request
    outgoing: "Outgoing"
    tally: Tally
    sink: Sink | None = None
    stream: bool = False
    most_bytes: int = MOST_OF_ONE


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Call the user's function; what it returns may be awaitable on the asynchronous driver."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Work(Generic[T_co]):
    """Do something that blocks or computes, off the event loop. It is told how to learn of an abort."""

    function: Callable[[Callable[[], bool]], T_co]


@dataclass(frozen=True, slots=True)
class Discard:
    """Let go of an answer that was left unread, and of its connection."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Drain:
    """Hand every block of a user's file object or iterator, plain or asynchronous, to `write`."""

    file: FileContent
    write: Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Together(Generic[T_co]):
    """These flows may be in flight at once, as many as the window allows, pulled as there is room.

    Answered with their results in the order of the flows. The first failure aborts the others.
    """

    flows: "Iterator[Flow[T_co]]"
    window: "Window"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What may a flow know of the client that it runs on? Answered with a Setting."""


Step: TypeAlias = (
    Call[Any] | Attempt | Discard | Pause | Evaluate | Work[Any] | Drain | Together[Any] | Surroundings
)
Flow: TypeAlias = Generator[Step, Any, T]


def ask(call: Call[T]) -> Flow[T]:
    """Make the call; its parsed answer."""
    answer: T = yield call
    return answer


def work(function: Callable[[Callable[[], bool]], T]) -> Flow[T]:
    """Do it off the event loop; what it returns."""
    result: T = yield Work(function)
    return result


def together(flows: "Iterator[Flow[T]]", window: "Window") -> Flow[list[T]]:
    """Run them at once; their results, in order."""
    results: list[T] = yield Together(flows, window)
    return results


def surroundings() -> "Flow[Setting]":
    """What is known of the client."""
    setting: Setting = yield Surroundings()
    return setting
