"""The small pure pieces: window, meter, layout, forms, names, results, addresses."""

import copy
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heavylift.client import checksums
from heavylift.client.bodies import prepare
from heavylift.client.calls import FormBody
from heavylift.client.config import settle
from heavylift.client.errors import HeavyliftError, InvalidRequestError
from heavylift.client.filesprogress import FilesMeter, FilesProgress
from heavylift.client.mime import guess_mime_type
from heavylift.client.origins import checked_url
from heavylift.client.progress import Meter, Progress
from heavylift.client.result import Err, Ok, Result
from heavylift.client.sources import BLOCK, Bytes, FileSlice, blocks
from heavylift.client.stories.layout import LARGEST_PART, SMALLEST_PART, Layout, fitting_part_size
from heavylift.client.window import DWELL_SECONDS, REST_SECONDS, Window
from tests.support.forms import read_form


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def run(window: Window, clock: Clock, rate: Callable[[int], float], *, seconds: float) -> list[int]:
    """Let bytes pass at a rate that depends on how many are in flight; the limits that were seen."""
    limits = []
    for _ in range(round(seconds / TICK)):
        clock.now += TICK
        window.moved(int(rate(window.limit) * TICK))
        limits.append(window.limit)
    return limits


TICK = DWELL_SECONDS / 4


def test_the_window_starts_low_and_grows_while_that_pays(clock: Clock):
    window = Window(most=8, clock=clock)
    assert window.limit == 2
    assert run(window, clock, lambda limit: 1e6 * limit, seconds=3)[-1] == 8


def test_the_window_goes_back_from_where_it_no_longer_pays(clock: Clock):
    window = Window(most=64, clock=clock)
    limits = run(window, clock, lambda limit: 1e6 * min(limit, 4), seconds=60)
    assert max(limits) == 8
    assert set(limits[len(limits) // 2 :]) == {4, 5}


def test_a_moments_stall_does_not_stop_growth(clock: Clock):
    window = Window(most=64, clock=clock)
    run(window, clock, lambda limit: 1e6 * limit, seconds=3 * DWELL_SECONDS)
    run(window, clock, lambda limit: 0, seconds=DWELL_SECONDS)
    assert run(window, clock, lambda limit: 1e6 * limit, seconds=6)[-1] == 64


def test_the_window_halves_once_when_it_is_pushed_back_and_grows_again_after_a_rest(clock: Clock):
    window = Window(most=8, clock=clock)
    run(window, clock, lambda limit: 1e6 * limit, seconds=3)
    for _ in range(8):
        window.pushed_back()
    assert window.limit == 4
    assert set(run(window, clock, lambda limit: 1e6 * limit, seconds=REST_SECONDS - 1)) == {4}
    assert run(window, clock, lambda limit: 1e6 * limit, seconds=5)[-1] == 8


def test_a_push_back_during_a_rest_counts_and_halves_are_rounded_up(clock: Clock):
    window = Window(most=9, clock=clock)
    run(window, clock, lambda limit: 1e6 * limit, seconds=6)
    limits = []
    for _ in range(5):
        clock.now += DWELL_SECONDS
        window.pushed_back()
        limits.append(window.limit)
    assert limits == [5, 3, 2, 1, 1]


def test_the_window_never_leaves_its_bounds(clock: Clock):
    window = Window(most=1, clock=clock)
    assert set(run(window, clock, lambda limit: 1e6 * clock.now, seconds=10)) == {1}
    clock.now += REST_SECONDS
    window.pushed_back()
    assert window.limit == 1


def test_growth_is_told(clock: Clock):
    window = Window(most=3, clock=clock)
    told: list[int] = []
    window.on_growth = lambda: told.append(window.limit)
    run(window, clock, lambda limit: 1e6 * limit, seconds=5)
    assert told == [3]


def metered(clock: Clock, reports: list[Progress], *, total: int = 1000) -> Meter:
    window = Window(most=4, clock=clock)
    return Meter(id="upload_1", total=total, parts=10, clock=clock, report=reports.append, window=window)


def test_reports_come_ten_times_a_second_at_most_and_the_last_state_always(clock: Clock):
    reports: list[Progress] = []
    meter = metered(clock, reports)
    for _ in range(1000):
        clock.now += 0.001
        meter.part_begun()
        meter.moved(1)
        meter.retrying()
        meter.part_ended(done=False)
        meter.enter("transferring", note="begun anew" if meter.snapshot().bytes_done == 1 else "")
    assert 9 <= len(reports) <= 11
    assert [report.note for report in reports if report.note] == ["begun anew"]
    meter.enter("done")
    assert (reports[-1].phase, reports[-1].bytes_done, reports[-1].retries) == ("done", 1000, 1000)


def test_the_end_of_a_part_and_of_a_file_is_told_at_once(clock: Clock):
    reports: list[Progress] = []
    meter = metered(clock, reports)
    meter.part_begun()
    meter.moved(100)
    meter.part_ended(done=True)
    assert reports[-1].parts_done == 1
    of_files: list[FilesProgress] = []
    files = FilesMeter(clock=clock, report=of_files.append)
    files.begun()
    files.moved(100)
    files.ended(failed=False, skipped=False)
    assert (of_files[-1].files_done, of_files[-1].files_in_flight) == (1, 0)


def test_rate_and_time_left_follow_the_last_seconds(clock: Clock):
    reports: list[Progress] = []
    meter = metered(clock, reports)
    for _ in range(5):
        clock.now += 1
        meter.moved(100)
    assert reports[-1].rate == pytest.approx(100)
    assert reports[-1].eta_seconds == pytest.approx(5)


def test_what_was_there_already_is_done_but_has_no_rate(clock: Clock):
    reports: list[Progress] = []
    meter = metered(clock, reports)
    meter.resumed(900)
    clock.now += 1
    meter.moved(50)
    assert (reports[-1].bytes_done, reports[-1].bytes_resumed) == (950, 900)
    assert reports[-1].rate == pytest.approx(50)


def test_a_failed_attempt_is_taken_back_and_the_rate_is_never_negative(clock: Clock):
    reports: list[Progress] = []
    meter = metered(clock, reports)
    clock.now += 1
    meter.moved(300)
    clock.now += 1
    meter.moved(-300)
    assert reports[-1].bytes_done == 0
    assert reports[-1].rate >= 0


def test_reports_come_ten_times_a_second_at_most_but_phases_always(clock: Clock):
    reports: list[Progress] = []
    meter = metered(clock, reports)
    for _ in range(1000):
        clock.now += 0.001
        meter.moved(1)
    assert 9 <= len(reports) <= 11
    meter.enter("done")
    assert reports[-1].phase == "done"


@settings(deadline=None)
@given(size=st.integers(0, 10**9), part_size=st.integers(1, 10**8))
def test_a_layout_covers_the_file_once_without_a_gap(size: int, part_size: int):
    layout = Layout(size=size, part_size=max(part_size, size // 200))
    stretches = [layout.stretch(index) for index in range(layout.count)]
    position = 0
    for offset, length in stretches:
        assert offset == position
        assert 0 < length <= layout.part_size
        position += length
    assert position == size


@settings(deadline=None)
@given(st.integers(0, 8 * 1024**3))
def test_the_part_size_fits_the_protocol_for_every_file(size: int):
    assert SMALLEST_PART <= fitting_part_size(size) <= LARGEST_PART


@settings(deadline=None)
@given(
    content=st.binary(max_size=3 * BLOCK),
    name=st.text(st.characters(exclude_categories=["C"]), min_size=1),
    texts=st.lists(st.tuples(st.sampled_from(["purpose", "a[b]"]), st.text("abc é\n")), max_size=2),
)
def test_a_form_is_read_back_as_it_was_meant_and_has_the_length_it_says(
    content: bytes, name: str, texts: list[tuple[str, str]]
):
    form = FormBody(field="file", source=Bytes(content), filename=name, texts=tuple(texts))
    sending = prepare(form)
    body = b"".join(iter(sending.read, b""))
    sending.close()
    assert len(body) == sending.length
    assert (sending.sent, sending.checksum) == (len(content), checksums.extend(0, content))
    fields = read_form(str(sending.content_type), body)
    assert fields["file"][1] == content
    for field, value in dict(texts).items():
        assert fields[field][1].decode() == value


def test_a_header_cannot_be_smuggled_in_by_a_file_name():
    sending = prepare(FormBody(field="file", source=Bytes(b""), filename='a"\r\nX-Evil: 1\r\n\r\n'))
    assert b"\r\nX-Evil" not in sending.read()


@settings(deadline=None)
@given(st.binary(max_size=2 * BLOCK), st.data())
def test_any_slice_of_a_file_is_read_as_often_as_asked(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
):
    path = tmp_path_factory.getbasetemp() / "slice.bin"
    path.write_bytes(content)
    offset = data.draw(st.integers(0, len(content)))
    length = data.draw(st.integers(0, len(content) - offset))
    piece = FileSlice(str(path), offset, length)
    assert b"".join(blocks(piece)) == b"".join(blocks(piece)) == content[offset : offset + length]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50), max_size=5))
def test_checksums_combine(pieces: list[bytes]):
    combined = checksums.combine((checksums.extend(0, piece), len(piece)) for piece in pieces)
    assert combined == checksums.extend(0, b"".join(pieces))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", "application/jsonl"),
        ("a.PDF", "application/pdf"),
        ("a.ts", "application/typescript"),
        ("a.go", "text/x-golang"),
        ("a.png", "image/png"),
        ("a.tar.gz", "application/octet-stream"),
        ("a.no-such", "application/octet-stream"),
        ("README", "application/octet-stream"),
    ],
)
def test_types_are_guessed_alike_on_every_machine(name: str, kind: str):
    assert guess_mime_type(name) == kind


def test_a_result_is_matched_by_its_kind():
    def told(result: Result[int]) -> str:
        match result:
            case Ok(value):
                return f"value {value}"
            case Err(error):
                return f"error {error}"

    assert told(Ok(7)) == "value 7"
    assert told(Err(HeavyliftError("no"))) == "error no"


def test_a_result_unwraps_to_its_value_or_raises_its_error():
    bad = Err(HeavyliftError("no"))
    assert (Ok(7).ok, Ok(7).error, Ok(7).unwrap()) == (True, None, 7)
    assert (bad.ok, bad.value) == (False, None)
    with pytest.raises(HeavyliftError, match="no"):
        bad.unwrap()


def test_results_can_be_copied_and_compared():
    assert copy.deepcopy(Ok([1])) == Ok([1])


@pytest.mark.parametrize(
    "url", ["", "example.org", "ftp://host/", "http://", "http://host:port/", "http://a b/"]
)
def test_what_is_no_server_url_is_refused_with_what_one_looks_like(url: str):
    with pytest.raises(InvalidRequestError, match=r"127\.0\.0\.1"):
        checked_url(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "https://me:sesame@host/v1",
            r"no name and password: it is https://host/v1 here\. A key goes into api_key",
        ),
        ("https://host/v1?key=sesame", r"no \?: it is https://host/v1 here$"),
        ("https://host/v1/#top", r"no #: it is https://host/v1 here$"),
        (
            "https://me@host:8/v1?a#b",
            r"no name and password and no \? and no #: it is https://host:8/v1 here",
        ),
        ("https://me:sesame@host:port/v1", r"'https://\*\*\*' is not a server URL"),
    ],
)
def test_a_server_url_has_nothing_behind_or_before_it(url: str, said: str):
    with pytest.raises(InvalidRequestError, match=said) as caught:
        checked_url(url)
    assert "sesame" not in str(caught.value)


def test_trailing_slashes_do_not_matter():
    assert checked_url("https://host/v1///") == "https://host/v1"


def test_the_key_is_not_shown_by_the_setting():
    assert "sk-secret" not in repr(settle(api_key="sk-secret", environment={}))
