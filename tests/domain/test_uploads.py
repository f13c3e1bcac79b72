"""An Upload's life: what follows what, what is refused, and in which words."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heavylift.domain import checksums, ids
from heavylift.domain.errors import (
    BytesMismatch,
    DuplicatePart,
    InvalidRequest,
    PartNotFound,
    PartTooLarge,
    Refusal,
    TooManyParts,
    UnfitFile,
    UploadCancelled,
    UploadClosed,
    UploadCompleted,
    UploadExpired,
    UploadTooLarge,
)
from heavylift.domain.files import Extent
from heavylift.domain.limits import GIB, Limits
from heavylift.domain.uploads import (
    CLOSED,
    TRANSITIONS,
    Action,
    Part,
    Status,
    Upload,
    admit_part,
    check_part_filled,
    check_part_size,
    finished_file,
    list_parts,
    move,
    open_upload,
    receipt_for,
    some_of,
)

LIMITS = Limits()
NOW = 1_790_000_000.75


def opened(*, bytes: int = 10, lifetime: int | None = None, limits: Limits = LIMITS) -> Upload:
    return open_upload(
        id=ids.new_id(ids.UPLOAD, now=NOW),
        project="proj",
        filename="a.txt",
        purpose="user_data",
        mime_type="text/plain",
        bytes=bytes,
        file_lifetime=lifetime,
        now=NOW,
        limits=limits,
    )


def part(size: int, *, upload: Upload) -> Part:
    return Part(
        id=ids.new_id(ids.PART, now=NOW),
        upload_id=upload.id,
        created_at=int(NOW),
        extent=Extent(blob=ids.new_blob_key(), bytes=size, checksum=checksums.extend(0, bytes(size))),
    )


def test_a_new_upload_is_pending_for_an_hour_and_empty() -> None:
    upload = opened(bytes=42, lifetime=4000)
    assert ids.is_id(ids.UPLOAD, upload.id)
    assert (upload.created_at, upload.expires_at) == (1_790_000_000, 1_790_003_600)
    assert (upload.state, upload.bytes, upload.file_lifetime) == (Status.PENDING, 42, 4000)
    assert (upload.held_bytes, upload.held_parts, upload.file_id, upload.receipt) == (0, 0, None, None)


@pytest.mark.parametrize("size", [1, 8 * GIB])
def test_an_upload_may_declare_from_one_byte_to_eight_gigabytes(size: int) -> None:
    assert opened(bytes=size).bytes == size


@pytest.mark.parametrize("size", [0, -1, -(10**30)])
def test_an_upload_of_nothing_is_refused(size: int) -> None:
    with pytest.raises(InvalidRequest, match=f"bytes is {size};.*at least 1") as refused:
        opened(bytes=size)
    assert refused.value.param == "bytes"


def test_an_empty_upload_is_a_matter_of_limits_a_negative_one_is_not() -> None:
    permissive = Limits(empty_files=True)
    assert opened(bytes=0, limits=permissive).bytes == 0
    with pytest.raises(InvalidRequest):
        opened(bytes=-1, limits=permissive)


@pytest.mark.parametrize("size", [8 * GIB + 1, 10**40])
def test_an_upload_beyond_the_limit_is_refused_with_both_numbers(size: int) -> None:
    with pytest.raises(UploadTooLarge, match=f"{size}.*8589934592") as refused:
        opened(bytes=size)
    assert refused.value.param == "bytes"


@pytest.mark.parametrize("state", list(Status))
def test_only_a_pending_upload_expires_and_at_its_very_second(state: Status) -> None:
    upload = replace(opened(), state=state)
    later = Status.EXPIRED if state is Status.PENDING else state
    assert upload.status_at(upload.expires_at - 0.001) is state
    assert upload.status_at(upload.expires_at) is later
    assert upload.status_at(upload.expires_at + 1) is later


ALLOWED = {
    (Status.PENDING, Action.ADD_PART): Status.PENDING,
    (Status.PENDING, Action.COMPLETE): Status.COMPLETED,
    (Status.PENDING, Action.CANCEL): Status.CANCELLED,
    (Status.CANCELLED, Action.CANCEL): Status.CANCELLED,
}


@pytest.mark.parametrize(("status", "action"), list(product(Status, Action)))
def test_every_action_in_every_status_is_allowed_or_refused_as_the_protocol_says(
    status: Status, action: Action
) -> None:
    upload = replace(opened(), state=status)
    if (status, action) in ALLOWED:
        assert move(upload, action, NOW) is ALLOWED[status, action]
        return
    with pytest.raises(CLOSED[status]) as refused:
        move(upload, action, NOW)
    assert refused.value.param == "upload_id"
    assert refused.value.message.startswith(f"Upload {upload.id} is {status} and can no longer {action}.")


@pytest.mark.parametrize("action", list(Action))
def test_a_pending_upload_past_its_deadline_refuses_everything_as_expired(action: Action) -> None:
    upload = opened()
    with pytest.raises(UploadExpired):
        move(upload, action, upload.expires_at)


def test_the_tables_know_every_status() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert {
        status: kind.code for status, kind in CLOSED.items()
    } == {
        Status.COMPLETED: "upload_completed",
        Status.CANCELLED: "upload_cancelled",
        Status.EXPIRED: "upload_expired",
    }  # fmt: skip
    assert {UploadCompleted, UploadCancelled, UploadExpired} == set(UploadClosed.__subclasses__())


def test_a_part_of_exactly_the_limit_is_admitted_and_one_byte_more_is_not() -> None:
    admit_part(opened(), LIMITS.part_bytes, NOW, LIMITS)
    check_part_size(LIMITS.part_bytes, LIMITS)
    for ask in (
        lambda: admit_part(opened(), LIMITS.part_bytes + 1, NOW, LIMITS),
        lambda: check_part_size(LIMITS.part_bytes + 1, LIMITS),
    ):
        with pytest.raises(PartTooLarge, match="67108864") as refused:
            ask()
        assert refused.value.param == "data"


def test_a_closed_upload_says_so_before_anything_about_the_part() -> None:
    with pytest.raises(UploadCancelled):
        admit_part(replace(opened(), state=Status.CANCELLED), 10**12, NOW, LIMITS)


def test_the_number_of_parts_is_bounded() -> None:
    limits = Limits(parts=3)
    admit_part(replace(opened(), held_parts=2), 1, NOW, limits)
    with pytest.raises(TooManyParts, match="holds 3 Parts"):
        admit_part(replace(opened(), held_parts=3), 1, NOW, limits)


def test_what_an_upload_holds_is_bounded_by_bytes_not_by_what_it_declared() -> None:
    limits = Limits(part_bytes=10, held_bytes=25)
    upload = replace(opened(bytes=5), held_bytes=15)
    admit_part(upload, 10, NOW, limits)
    with pytest.raises(UploadTooLarge, match=r"holds 16 bytes; 10 more would exceed the 25"):
        admit_part(replace(upload, held_bytes=16), 10, NOW, limits)


def test_an_empty_part_is_refused() -> None:
    check_part_filled(1)
    with pytest.raises(UnfitFile, match="at least 1 byte") as refused:
        check_part_filled(0)
    assert refused.value.param == "data"


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_parts_that_add_up_are_the_file_in_the_order_listed(sizes: list[int], random: object) -> None:
    upload = opened(bytes=sum(sizes))
    held = [part(size, upload=upload) for size in sizes]
    listed = list(held)
    random.shuffle(listed)  # type: ignore[attr-defined]
    extra = part(7, upload=upload)  # a blind retry's: it does not matter
    assert list_parts(upload, [*held, extra], [one.id for one in listed]) == [one.extent for one in listed]


def test_parts_that_fall_short_are_explained_with_what_is_held_but_not_listed() -> None:
    upload = opened(bytes=10)
    first, second = part(4, upload=upload), part(6, upload=upload)
    with pytest.raises(BytesMismatch) as refused:
        list_parts(upload, [first, second], [first.id])
    assert refused.value.param == "part_ids"
    assert refused.value.message == (
        f"Upload {upload.id} expects 10 bytes, the 1 listed Parts hold 4: 6 are missing."
        f" Held but not listed: {second.id}. The Upload stays pending: list Parts that add up,"
        " or send what is missing."
    )


def test_parts_in_excess_are_explained_with_the_numbers() -> None:
    upload = opened(bytes=5)
    held = [part(4, upload=upload), part(6, upload=upload)]
    with pytest.raises(BytesMismatch, match=r"expects 5 bytes, the 2 .* hold 10: 5 are too many\. The"):
        list_parts(upload, held, [one.id for one in held])


def test_no_parts_at_all_are_a_mismatch_unless_nothing_was_declared() -> None:
    with pytest.raises(BytesMismatch, match="10 are missing"):
        list_parts(opened(bytes=10), [], [])
    assert list_parts(opened(bytes=0, limits=Limits(empty_files=True)), [], []) == []


def test_a_part_listed_twice_is_named() -> None:
    upload = opened(bytes=8)
    one = part(4, upload=upload)
    with pytest.raises(DuplicatePart, match=one.id) as refused:
        list_parts(upload, [one], [one.id, one.id])
    assert refused.value.param == "part_ids"


@pytest.mark.parametrize("stranger", ["part_none", "", "part_" + "0" * 22, "x" * 10_000])
def test_a_part_that_is_not_held_is_named_and_cut_to_a_bearable_length(stranger: str) -> None:
    upload = opened(bytes=4)
    one = part(4, upload=upload)
    with pytest.raises(PartNotFound) as refused:
        list_parts(upload, [one], [one.id, stranger])
    assert stranger[:64] in refused.value.message
    assert len(refused.value.message) < 300


def test_thousands_of_wrong_parts_make_a_short_sentence() -> None:
    with pytest.raises(PartNotFound, match="and 9990 more") as refused:
        list_parts(opened(), [], [f"part_{number}" for number in range(10_000)])
    assert len(refused.value.message) < 1000


def test_a_list_for_a_sentence_shows_ten_and_counts_the_rest() -> None:
    assert some_of(["a", "b"]) == "a, b"
    assert some_of([str(n) for n in range(10)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert some_of([str(n) for n in range(12)]).endswith("9 and 2 more")


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=5))
def test_the_finished_file_is_what_was_declared_and_begins_its_life_now(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    upload = opened(bytes=len(whole), lifetime=86_400)
    extents = [
        Extent(blob=ids.new_blob_key(), bytes=len(piece), checksum=checksums.extend(0, piece))
        for piece in pieces
    ]
    file = finished_file(upload, extents, NOW + 900, id="file-x")
    assert (file.id, file.project, file.filename, file.purpose) == ("file-x", "proj", "a.txt", "user_data")
    assert file.bytes == len(whole)
    assert file.checksum == checksums.extend(0, whole)
    assert file.created_at == 1_790_000_900
    assert file.expires_at == 1_790_000_900 + 86_400
    assert finished_file(replace(upload, file_lifetime=None), extents, NOW, id="file-x").expires_at is None


PART_IDS = st.lists(st.text(max_size=30), max_size=5)


@given(PART_IDS, PART_IDS, st.none() | st.just("AB"), st.none() | st.just("ab"))
def test_receipts_agree_for_the_same_arguments_and_for_no_others(
    one: list[str], other: list[str], md5: str | None, other_md5: str | None
) -> None:
    same = one == other and (md5 or "").lower() == (other_md5 or "").lower()
    assert (receipt_for(one, md5) == receipt_for(other, other_md5)) is same


def test_receipts_tell_apart_what_a_plain_join_would_not() -> None:
    assert receipt_for(["ab", "c"], None) != receipt_for(["a", "bc"], None)
    assert receipt_for(['a","b'], None) != receipt_for(["a", "b"], None)
    assert receipt_for(["a"], "b") != receipt_for(["a", "b"], None)
    assert receipt_for(["\ud800"], None)  # whatever JSON may hold


def family(kind: type[Refusal]) -> list[type[Refusal]]:
    return [kind, *(below for child in kind.__subclasses__() for below in family(child))]


def test_codes_tell_refusals_apart() -> None:
    ours = [kind for kind in family(Refusal) if kind.__module__ == "heavylift.domain.errors"]
    codes = [kind.code for kind in ours if "code" in vars(kind) and kind.code is not None]
    assert len(codes) == len(set(codes)) > 20
