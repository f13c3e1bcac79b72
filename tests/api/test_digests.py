"""Content-MD5 and Content-Digest: what is promised, what is ignored, what is malformed."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heavylift.api.digests import WIDTHS, expected_digests
from heavylift.domain.errors import MalformedBody
from heavylift.service.meter import HASHERS, Expected

DATA = b"the bytes of a part"


def item(value: bytes) -> str:
    return f":{base64.b64encode(value).decode()}:"


def test_every_algorithm_that_is_read_can_be_computed_in_that_width() -> None:
    assert {name: len(hasher().digest()) for name, hasher in HASHERS.items()} == WIDTHS


def test_content_md5_is_the_base64_of_sixteen_bytes() -> None:
    value = hashlib.md5(DATA).digest()
    headers = {"content-MD5": base64.b64encode(value).decode()}
    assert expected_digests(headers) == (Expected(algorithm="md5", value=value, source="Content-MD5"),)


@given(st.lists(st.sampled_from(sorted(WIDTHS)), unique=True), st.data())
def test_every_digest_of_a_dictionary_is_found_in_order(algorithms: list[str], data: st.DataObject) -> None:
    values = {name: data.draw(st.binary(min_size=WIDTHS[name], max_size=WIDTHS[name])) for name in algorithms}
    header = data.draw(st.sampled_from([", ", ",", " \t,  "])).join(
        f"{name}={item(value)}" for name, value in values.items()
    )
    found = expected_digests({"Content-Digest": header})
    assert {one.algorithm: one.value for one in found} == values
    assert {one.source for one in found} <= {"Content-Digest"}


def test_other_algorithms_are_ignored_whatever_their_value() -> None:
    header = f'unixsum=30637, sha=:AAAA:, id-sha-512="a\\"b";q=0.5, x=?1;a=tok, md5={item(bytes(16))};n=-1'
    assert [one.algorithm for one in expected_digests({"Content-Digest": header})] == ["md5"]


def test_a_header_sent_in_several_lines_is_one_dictionary_and_the_last_value_counts() -> None:
    lines = [("Content-Digest", f"md5={item(bytes(16))}"), ("content-digest", f"md5={item(b'x' * 16)}")]
    assert [one.value for one in expected_digests(lines)] == [b"x" * 16]


def test_both_headers_and_repr_digest_are_all_verified() -> None:
    encoded = base64.b64encode(bytes(16)).decode()
    headers = {"Content-MD5": encoded, "Repr-Digest": f"crc32c={item(bytes(4))}", "X-Other": "?"}
    assert [one.source for one in expected_digests(headers)] == ["Content-MD5", "Repr-Digest"]


def test_no_header_promises_nothing() -> None:
    assert expected_digests({}) == ()
    assert expected_digests({"Content-Digest": ""}) == ()


@pytest.mark.parametrize(
    "header",
    [
        "sha-256",
        "sha-256=",
        "sha-256=abc",
        'sha-256="abc"',
        "sha-256=::",
        "sha-256=:!!!!:",
        "sha-256=:AAAA:",
        f"sha-256={item(bytes(32))[:-1]}",
        f"SHA-256={item(bytes(32))}",
        f"sha-256={item(bytes(32))},",
        f"sha-256={item(bytes(32))} md5={item(bytes(16))}",
        f"sha-256={item(bytes(31))}",
        f"crc64nvme={item(bytes(4))}",
        f"sha-256 = {item(bytes(32))}",
        ",",
        "\x00",
        "ü=:AAAA:",
    ],
)
def test_a_malformed_dictionary_is_refused_by_name(header: str) -> None:
    with pytest.raises(MalformedBody) as refusal:
        expected_digests({"Content-Digest": header})
    assert refusal.value.param == "Content-Digest"


@pytest.mark.parametrize("header", ["", "x", hashlib.md5(DATA).hexdigest(), "AAAA", "ü" * 22, "A" * 23])
def test_a_malformed_content_md5_is_refused_by_name(header: str) -> None:
    with pytest.raises(MalformedBody) as refusal:
        expected_digests({"Content-MD5": header})
    assert refusal.value.param == "Content-MD5"


@given(st.text(max_size=60) | st.text(alphabet=':=,; \t"\\aA0?-*', max_size=60))
def test_any_text_is_read_or_refused(header: str) -> None:
    for name in ("Content-MD5", "Content-Digest"):
        try:
            found = expected_digests({name: header})
        except MalformedBody as refusal:
            found = ()
            message = refusal.message
            if name not in message:
                raise
        assert all(len(one.value) == WIDTHS[one.algorithm] for one in found)


def test_content_md5_is_sent_once() -> None:
    line = ("content-md5", base64.b64encode(hashlib.md5(DATA).digest()).decode())
    assert len(expected_digests([line])) == 1
    for count in (2, 1400):
        with pytest.raises(MalformedBody, match=f"{count} times") as refused:
            expected_digests([line] * count)
        assert refused.value.param == "Content-MD5"


@pytest.mark.parametrize("header", ["Content-Digest", "Repr-Digest"])
def test_a_dictionary_of_very_many_digests_is_refused(header: str) -> None:
    for name in ("x", "md5"):
        many = [(header, ", ".join([f"{name}={item(bytes(16))}"] * 100))]
        assert len(expected_digests(many)) == (name == "md5")
        with pytest.raises(MalformedBody, match="more than 100") as refused:
            expected_digests(many * 2)
        assert refused.value.param == header
