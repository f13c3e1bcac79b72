"""The table of purposes: what each takes, and what the refusals say."""

import pytest

from heavylift.domain.errors import InvalidRequest, UnfitFile
from heavylift.domain.limits import DAY, MIB
from heavylift.domain.purposes import (
    DATA,
    IMAGES,
    PURPOSES,
    TEXTS,
    Checks,
    check_mime_type,
    check_name,
    extension_of,
    find_purpose,
)

DOCUMENTED = {
    "c": "text/x-c",
    "cpp": "text/x-c++",
    "cs": "text/x-csharp",
    "css": "text/css",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "go": "text/x-golang",
    "html": "text/html",
    "java": "text/x-java",
    "js": "text/javascript",
    "json": "application/json",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "php": "text/x-php",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "py": "text/x-python",
    "rb": "text/x-ruby",
    "sh": "application/x-sh",
    "tex": "text/x-tex",
    "ts": "application/typescript",
    "txt": "text/plain",
    "csv": "application/csv",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "png": "image/png",
    "tar": "application/x-tar",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "zip": "application/zip",
}
NAMED_BY_THE_LIVE_SERVICE_ALONE = ["pkl", "webp"]


def test_there_are_the_six_purposes_in_openais_order() -> None:
    assert list(PURPOSES) == ["fine-tune", "assistants", "batch", "user_data", "vision", "evals"]
    assert all(row.name == name for name, row in PURPOSES.items())


@pytest.mark.parametrize(("extension", "mime_type"), DOCUMENTED.items())
def test_assistants_take_every_documented_row(extension: str, mime_type: str) -> None:
    row = PURPOSES["assistants"]
    check_name(row, f"file.{extension}", Checks.FULL)
    check_mime_type(row, f"file.{extension}", mime_type, Checks.FULL)


@pytest.mark.parametrize("extension", NAMED_BY_THE_LIVE_SERVICE_ALONE)
def test_assistants_take_what_only_the_live_service_lists(extension: str) -> None:
    check_name(PURPOSES["assistants"], f"file.{extension}", Checks.FULL)


def test_the_second_types_of_python_and_xml_are_taken() -> None:
    for mime_type in ("text/x-script.python", "text/xml"):
        check_mime_type(PURPOSES["assistants"], "a.py", mime_type, Checks.FULL)


@pytest.mark.parametrize("extension", ["jpeg", "jpg", "png", "gif", "webp"])
def test_vision_takes_images(extension: str) -> None:
    check_name(PURPOSES["vision"], f"a.{extension}", Checks.FULL)
    check_mime_type(PURPOSES["vision"], f"a.{extension}", IMAGES[extension][0], Checks.FULL)


@pytest.mark.parametrize("name", ["a.pdf", "a.txt", "a.svg", "png", "a."])
def test_vision_takes_nothing_else(name: str) -> None:
    with pytest.raises(UnfitFile, match="gif, jpeg, jpg, png, webp"):
        check_name(PURPOSES["vision"], name, Checks.FULL)


@pytest.mark.parametrize(
    ("purpose", "sentence"),
    [
        ("batch", "Invalid file format for Batch API. Must be .jsonl"),
        ("fine-tune", "Invalid file format for Fine-Tuning API. Must be .jsonl"),
    ],
)
@pytest.mark.parametrize("name", ["x.txt", "x.json", "jsonl", ".jsonl", "x.jsonl.gz", "x.jsonl ", "x"])
def test_batch_and_fine_tune_want_jsonl_in_openais_words(purpose: str, sentence: str, name: str) -> None:
    with pytest.raises(UnfitFile) as refused:
        check_name(PURPOSES[purpose], name, Checks.FULL)
    assert refused.value.message.startswith(sentence)
    named = f"'{name}', which has no extension" in refused.value.message
    assert named == (name in {"jsonl", ".jsonl", "x"})
    assert refused.value.param == "filename"


@pytest.mark.parametrize("purpose", ["batch", "fine-tune", "user_data", "evals"])
@pytest.mark.parametrize("mime_type", ["text/jsonl", "txt", "application/x-nonsense", ""])
def test_purposes_without_types_take_any(purpose: str, mime_type: str) -> None:
    check_mime_type(PURPOSES[purpose], "x.jsonl", mime_type, Checks.FULL)


@pytest.mark.parametrize("purpose", ["user_data", "evals"])
@pytest.mark.parametrize("name", ["a.exe", "a", "a.jsonl", "日本語"])
def test_user_data_and_evals_take_any_name(purpose: str, name: str) -> None:
    check_name(PURPOSES[purpose], name, Checks.FULL)


def test_an_unfit_extension_is_named_with_those_that_fit() -> None:
    with pytest.raises(UnfitFile) as refused:
        check_name(PURPOSES["assistants"], "module.vb", Checks.FULL)
    assert refused.value.message.startswith("Invalid extension vb. Supported formats: ")
    named = set(refused.value.message.partition("formats: ")[2].split(", "))
    assert named == set(TEXTS) | set(DATA) | set(IMAGES)


@pytest.mark.parametrize("name", ["A.PDF", "a.Pdf", "archive.tar.PDF"])
def test_the_case_of_an_extension_does_not_matter(name: str) -> None:
    check_name(PURPOSES["assistants"], name, Checks.FULL)


@pytest.mark.parametrize(
    "mime_type", ["TEXT/PLAIN", "text/plain; charset=utf-8", " text/plain ;x=y", "text/plain;"]
)
def test_case_and_parameters_of_a_type_do_not_matter(mime_type: str) -> None:
    check_mime_type(PURPOSES["assistants"], "a.txt", mime_type, Checks.FULL)


def test_name_and_type_need_not_match_each_other() -> None:
    check_name(PURPOSES["assistants"], "a.md", Checks.FULL)
    check_mime_type(PURPOSES["assistants"], "a.md", "application/pdf", Checks.FULL)


def test_an_unfit_type_is_refused_with_the_one_for_the_extension_and_all_there_are() -> None:
    with pytest.raises(UnfitFile) as refused:
        check_mime_type(PURPOSES["assistants"], "a.MD", "text/plane", Checks.FULL)
    assert refused.value.param == "mime_type"
    for piece in ("text/plane", "assistants", "For .md use text/markdown.", "application/pdf"):
        assert piece in refused.value.message


@pytest.mark.parametrize("name", ["a", "a.vb", "a.pkl"])
def test_there_is_no_hint_for_an_extension_without_a_type(name: str) -> None:
    with pytest.raises(UnfitFile) as refused:
        check_mime_type(PURPOSES["assistants"], name, "x/y", Checks.FULL)
    assert " use " not in refused.value.message


def test_checks_can_be_relaxed_to_the_extension_and_to_nothing() -> None:
    row = PURPOSES["assistants"]
    check_mime_type(row, "a.txt", "x/y", Checks.EXTENSION)
    with pytest.raises(UnfitFile):
        check_name(row, "a.vb", Checks.EXTENSION)
    check_mime_type(row, "a.txt", "x/y", Checks.OFF)
    check_name(row, "a.vb", Checks.OFF)


@pytest.mark.parametrize("name", ["answers", "", "Batch", "batch ", "fine_tune", "batch_output"])
def test_an_unknown_purpose_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        find_purpose(name, PURPOSES)
    assert refused.value.message == (
        f"'{name}' is not one of ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals']"
        " - 'purpose'"
    )
    assert refused.value.param == "purpose"


def test_only_batch_has_a_size_and_a_lifetime_of_its_own() -> None:
    assert PURPOSES["batch"].post_bytes == 200 * MIB
    assert PURPOSES["batch"].lifetime == 30 * DAY
    others = [row for name, row in PURPOSES.items() if name != "batch"]
    assert all(row.post_bytes is None and row.lifetime is None for row in others)


@pytest.mark.parametrize(
    ("name", "extension"),
    [("a.TXT", "txt"), ("a.tar.gz", "gz"), ("a", ""), (".jsonl", ""), ("a.", ""), ("", ""), ("..x", "x")],
)
def test_an_extension_is_what_follows_the_last_dot(name: str, extension: str) -> None:
    assert extension_of(name) == extension


@pytest.mark.parametrize("checks", list(Checks))
@pytest.mark.parametrize("mime_type", ["x" * 256, "text/x\x00", "text/x\n", "\ud800"])
def test_a_type_that_cannot_be_kept_is_refused_whatever_is_checked(mime_type: str, checks: Checks) -> None:
    with pytest.raises(InvalidRequest, match="255 printable characters") as refused:
        check_mime_type(PURPOSES["user_data"], "a", mime_type, checks)
    assert refused.value.param == "mime_type"
