"""Identifiers: their form, their order, and what is none."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heavylift.domain import ids

PREFIXES = [ids.UPLOAD, ids.PART, ids.FILE, ids.PROJECT, ids.KEY, ids.REQUEST]
MOMENTS = st.integers(min_value=0, max_value=2**53).map(lambda micros: micros / 1_000_000)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_an_id_is_its_prefix_and_22_letters_or_digits(prefix: str) -> None:
    made = ids.new_id(prefix, now=1_790_000_000.5)
    assert re.fullmatch(re.escape(prefix) + "[0-9A-Za-z]{22}", made)
    assert ids.is_id(prefix, made)


@given(MOMENTS, MOMENTS)
def test_ids_sort_as_their_moments_do(one: float, other: float) -> None:
    earlier, later = sorted((int(one * 1_000_000), int(other * 1_000_000)))
    if earlier == later:
        return
    first = ids.new_id(ids.FILE, now=min(one, other))
    second = ids.new_id(ids.FILE, now=max(one, other))
    assert first.encode() < second.encode()


def test_an_id_of_a_request_is_hex_and_sorts_by_its_moment() -> None:
    made = [ids.new_request_id(now=moment) for moment in (0.0, 1.0, 1_790_000_000.5, 1_790_000_000.500_001)]
    assert all(re.fullmatch("req_[0-9a-f]{32}", one) for one in made)
    assert made == sorted(made)
    assert len({ids.new_request_id(now=1.0) for _ in range(1_000)}) == 1_000


def test_ids_of_one_moment_never_collide() -> None:
    made = {ids.new_id(ids.PART, now=1.0) for _ in range(20_000)}
    assert len(made) == 20_000


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("other", PREFIXES)
def test_an_id_of_one_kind_is_none_of_another(prefix: str, other: str) -> None:
    assert ids.is_id(other, ids.new_id(prefix, now=5.0)) is (prefix == other)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "a" * 21,
        "a" * 23,
        "a" * 22 + "\n",
        "a" * 21 + "\n",
        "a" * 21 + "-",
        "a" * 21 + "_",
        "a" * 21 + " ",
        "a" * 21 + "\x00",
        "a" * 21 + "é",
        "a" * 21 + "٣",  # a digit in Arabic script
        "a" * 21 + "３",  # a full-width digit
        "a" * 21 + "²",
        "../" + "a" * 19,
    ],
)
def test_everything_else_is_no_id(body: str) -> None:
    assert not ids.is_id(ids.UPLOAD, ids.UPLOAD + body)


@given(st.text(max_size=60))
def test_is_id_agrees_with_the_form_for_any_text(text: str) -> None:
    expected = re.fullmatch("upload_[0-9A-Za-z]{22}", text, re.ASCII) is not None
    assert ids.is_id(ids.UPLOAD, text) is expected


def test_the_prefix_counts_to_the_letter() -> None:
    assert not ids.is_id(ids.UPLOAD, "Upload_" + "a" * 22)
    assert not ids.is_id(ids.FILE, "file_" + "a" * 22)
    assert not ids.is_id(ids.FILE, " file-" + "a" * 22)


def test_a_blob_key_is_32_hex_digits_and_says_nothing_of_the_time() -> None:
    keys = {ids.new_blob_key() for _ in range(10_000)}
    assert len(keys) == 10_000
    assert all(re.fullmatch("[0-9a-f]{32}", key) for key in keys)
    assert len({key[:2] for key in keys}) == 256
