"""`heavylift check`: what is wrong in JSON lines, where, in little memory; and before an upload."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from heavylift.cli import jsonlines
from heavylift.cli.jsonlines import Kind, Lines
from tests.cli.typing_in import Desk


def request(number: int, **changed: Any) -> dict[str, Any]:
    line = {"custom_id": f"r{number}", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m"}}
    return {name: value for name, value in {**line, **changed}.items() if value is not None}


def found(kind: Kind, *lines: object) -> list[tuple[int, str]]:
    content = b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines
    )
    return [(one.line, one.code) for one in Lines(kind).problems(io.BytesIO(content))]


MESSAGES = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
PAIR = {"input": {"messages": MESSAGES}, "preferred_output": MESSAGES, "non_preferred_output": MESSAGES}

GOOD: list[tuple[Kind, dict[str, Any]]] = [
    ("batch", request(1)),
    ("batch", request(1, url="/chat/completions", more=1)),
    ("fine-tune", {"messages": MESSAGES, "tools": []}),
    ("fine-tune", {"prompt": "a", "completion": "b"}),
    ("fine-tune", PAIR),
    ("evals", {"item": {"a": 1}}),
]


@pytest.mark.parametrize(("kind", "line"), GOOD)
def test_lines_of_the_format_are_fine(kind: Kind, line: dict[str, Any]) -> None:
    assert found(kind, line) == []
    content = json.dumps(line).encode()
    for end in (b"", b"\n", b"\r\n"):
        assert list(Lines(kind).problems(io.BytesIO(content + end))) == []


BAD: list[tuple[Kind, object]] = [
    *(("batch", request(1, **{name: None})) for name in ("custom_id", "method", "url", "body")),
    ("batch", request(1, custom_id=7)),
    ("batch", request(1, custom_id="")),
    ("batch", request(1, method="GET")),
    ("batch", request(1, url="embeddings")),
    ("batch", request(1, body=[])),
    ("batch", request(1, body={})),
    ("batch", request(1, body={"model": ""})),
    ("fine-tune", {}),
    ("fine-tune", {"messages": []}),
    ("fine-tune", {"messages": ["a"]}),
    ("fine-tune", {"messages": [{"content": "a"}]}),
    ("fine-tune", {"prompt": "a"}),
    *(("fine-tune", {**PAIR, name: None}) for name in PAIR),
    ("evals", {}),
    ("evals", {"item": 1}),
]


@pytest.mark.parametrize(("kind", "line"), BAD)
def test_a_field_that_is_missing_or_of_another_kind_is_told(kind: Kind, line: object) -> None:
    assert found(kind, line) == [(1, "invalid_request")]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"  ",
        b"{",
        b"[]",
        b"1",
        b'"a"',
        b"{} {}",
        b'{"item": "\xff"}',
        b"{'a': 1}",
        b"NaN",
        b"\xef\xbb\xbf{}",
    ],
)
@pytest.mark.parametrize("kind", ["batch", "fine-tune", "evals"])
def test_what_is_no_json_object_is_told(kind: Kind, line: bytes) -> None:
    good = dict(GOOD)[kind]
    assert (1, "invalid_json_line") in found(kind, line, good)
    if not line.startswith(b"\xef"):
        assert found(kind, good, line) == [(2, "invalid_json_line")]


@pytest.mark.parametrize("at_once", [1, 2, 1_000])
def test_ids_that_come_twice_are_told_with_both_lines(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(jsonlines, "AT_ONCE", at_once)
    lines = [request(number) for number in (1, 2, 3, 2, 1, 1)] + [request(1, custom_id=None)] * 2
    assert sorted(one for one in found("batch", *lines) if one[1] == "duplicate_custom_id") == [
        (4, "duplicate_custom_id"), (5, "duplicate_custom_id"), (6, "duplicate_custom_id"),
    ]  # fmt: skip
    [problem] = Lines("batch").problems(io.BytesIO(b"\n".join(json.dumps(request(1)).encode() for _ in "ab")))
    assert "line 1" in problem.message


def test_an_empty_file_has_no_lines() -> None:
    assert [(one.line, one.code) for one in Lines("evals").problems(io.BytesIO())] == [(0, "empty_file")]


class Endless(io.RawIOBase):
    """So many lines of requests, made as they are read."""

    def __init__(self, count: int) -> None:
        self._lines = self._made(count)
        self._rest = b""

    @staticmethod
    def _made(count: int) -> Iterator[bytes]:
        for number in range(count):
            yield json.dumps(request(number, body={"model": "m", "input": "x" * 400})).encode() + b"\n"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._rest = self._rest or next(self._lines, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def test_memory_does_not_grow_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonlines, "AT_ONCE", 1_000)

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            assert list(Lines("batch").problems(io.BufferedReader(Endless(count)))) == []
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    assert peak(8_000) - peak(2_000) < 6_000 * 32


def test_a_line_without_an_end_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonlines, "LONGEST", 100)
    good = {"item": {}}
    assert found("evals", good, b"x" * 1_000, good, b"{" * 101, good) == [
        (2, "invalid_json_line"), (4, "invalid_json_line"),
    ]  # fmt: skip


def test_the_command_tells_each_line_and_ends_with_1(desk: Desk) -> None:
    lines = [json.dumps(request(1)), "{", json.dumps(request(1))]
    (desk.folder / "wrong.jsonl").write_text("\n".join(lines))
    (desk.folder / "right.jsonl").write_text(lines[0])
    done = desk.run("check", "right.jsonl", "wrong.jsonl", "--purpose", "batch", HEAVYLIFT_BASE_URL="")
    assert done.status == 1
    first, second = done.out.splitlines()
    assert first.startswith("wrong.jsonl:2: invalid_json_line: it is no JSON")
    assert second.startswith("wrong.jsonl:3: duplicate_custom_id: ")
    shown = desk.run("check", "wrong.jsonl", "--purpose", "batch", "--json").out.splitlines()
    assert [(one["line"], one["code"]) for one in map(json.loads, shown)] == [
        (2, "invalid_json_line"), (3, "duplicate_custom_id"),
    ]  # fmt: skip
    assert desk.run("check", "right.jsonl", "--purpose", "batch").status == 0
    assert desk.run("check", "none.jsonl", "--purpose", "batch").status == 2


def test_upload_looks_first_and_sends_nothing_that_is_wrong(desk: Desk) -> None:
    folder = desk.folder / "corpus"
    folder.mkdir()
    (folder / "right.jsonl").write_text(json.dumps(request(1)))
    (folder / "wrong.jsonl").write_text("{")
    for path in ("corpus", "corpus/wrong.jsonl"):
        done = desk.run("upload", path, "--purpose", "batch", "--check")
        assert (done.status, done.out) == (1, "")
        assert "corpus/wrong.jsonl:1: invalid_json_line" in done.err
        assert "nothing was sent" in done.err.splitlines()[-1]
    assert desk.run("upload", "corpus/right.jsonl", "--purpose", "batch", "--check").status == 0
    assert desk.run("upload", "corpus/right.jsonl", "--check").status == 2
    assert desk.run("upload", "-", "--filename", "a.jsonl", "--purpose", "batch", "--check").status == 2
