"""In a pipe: JSON that parses, standard input, several files, the four operations, keys that stay secret."""

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.cli.conftest import CONTENT
from tests.cli.typing_in import Desk
from tests.serving import Served
from tests.support.stand_in import StandIn


def test_upload_list_show_download_delete_speak_json(desk: Desk) -> None:
    upload = json.loads(desk.run("upload", "big.jsonl", "--expires-after", "7d", "--json").out)
    file = upload["file"]
    assert upload["status"] == "completed"
    assert file["expires_at"] - file["created_at"] == 7 * 86_400
    listed = json.loads(desk.run("files", "list", "--purpose", "user_data", "--json").out)
    assert file["id"] in {each["id"] for each in listed}
    assert json.loads(desk.run("files", "show", file["id"], "--json").out)["bytes"] == len(CONTENT)
    saved = json.loads(desk.run("download", file["id"], "--to", "copy", "--json").out)
    assert saved["verified"]
    assert (desk.folder / "copy").read_bytes() == CONTENT
    assert json.loads(desk.run("files", "delete", file["id"], "--json").out)["deleted"]


def test_limits_of_lists_are_kept(desk: Desk) -> None:
    for _ in range(2):
        desk.run("upload", "big.jsonl")
    for words in (("files", "list"), ("uploads", "list")):
        assert len(json.loads(desk.run(*words, "--limit", "1", "--json").out)) == 1
        oldest, newest = (
            json.loads(desk.run(*words, "--order", order, "--limit", "1", "--json").out)[0]["id"]
            for order in ("asc", "desc")
        )
        assert oldest != newest


def test_standard_input_is_uploaded_and_a_file_poured_out(desk: Desk) -> None:
    zipped = gzip.compress(CONTENT)
    done = desk.run("upload", "-", "--filename", "big.gz", given=zipped)
    file_id = done.out.split("\t")[0]
    poured = subprocess.run(
        [sys.executable, "-m", "heavylift.cli", "download", file_id, "--to", "-"],
        env=desk.environment, capture_output=True, check=True,
    )  # fmt: skip
    assert poured.stdout == zipped


def test_of_several_files_one_that_is_refused_does_not_keep_the_others(desk: Desk) -> None:
    (desk.folder / "empty.jsonl").touch()
    shutil.copy(desk.folder / "big.jsonl", desk.folder / "more.jsonl")
    done = desk.run("upload", "big.jsonl", "empty.jsonl", "more.jsonl", "--json")
    told = [json.loads(line) for line in done.out.splitlines()]
    assert {each["filename"] for each in told if "file" in each} == {"big.jsonl", "more.jsonl"}
    assert done.status == 1
    line, summary = done.err.splitlines()
    assert json.loads(line)["error"]["message"].startswith("empty.jsonl: ")
    assert summary.startswith("heavylift: 2 sent ")


def test_the_four_operations_one_by_one(desk: Desk) -> None:
    def ask(*words: str, given: bytes = b"") -> str:
        done = desk.run("uploads", *words, "--json", given=given)
        assert done.status == 0, done.err
        return str(json.loads(done.out)["id"])

    size, md5 = str(len(CONTENT)), hashlib.md5(CONTENT).hexdigest()
    about = ("--purpose", "batch", "--mime-type", "application/jsonl", "--filename", "four.jsonl")
    expiry = ("--expires-after", '{"anchor": "created_at", "seconds": 3600}')
    upload = ask("create", "--bytes", size, *about, *expiry)
    tail = ask("add-part", "--upload-id", upload, "--data", "@big.jsonl", "--offset", "512K")
    head = ask("add-part", "--upload-id", upload, "--data", "@-", given=CONTENT[: 512 * 1024])
    parts = json.loads(desk.run("uploads", "parts", upload, "--json").out)
    assert {part["id"] for part in parts} == {head, tail}
    ids = ("--part-id", head, "--part-id", tail)
    assert desk.run("uploads", "complete", "--upload-id", upload, *ids, "--md5", "0" * 32).status == 1
    ask("complete", "--upload-id", upload, *ids, "--md5", md5)
    assert "completed" in desk.run("uploads", "show", upload).out
    other = ask("create", "--bytes", "1", *about)
    assert "cancelled" in desk.run("uploads", "cancel", "--upload-id", other).out


def test_a_server_without_extensions_serves_all_but_what_needs_them(
    plain_desk: Desk, stand_in: StandIn
) -> None:
    upload = json.loads(plain_desk.run("upload", "big.jsonl", "--part-size", "300K", "--json").out)
    file_id = upload["file"]["id"]
    assert stand_in.files[file_id][1] == CONTENT
    assert plain_desk.run("files", "list").out.startswith(file_id)
    assert plain_desk.run("files", "show", file_id).status == 0
    assert plain_desk.run("download", file_id, "--to", "copy").out.endswith("shows no checksum\n")
    assert (plain_desk.folder / "copy").read_bytes() == CONTENT
    assert plain_desk.run("files", "delete", file_id).status == 0
    assert plain_desk.run("uploads", "list").status == 3
    found = json.loads(plain_desk.run("doctor", "--json").out)
    states = {finding["check"]: finding["state"] for finding in found}
    assert states == {"server": "ok", "key": "ok", "clock": "ok", "part": "ok", "proxy": "skipped"}


def test_a_file_that_is_there_is_replaced_only_by_force(desk: Desk) -> None:
    file_id = json.loads(desk.run("upload", "big.jsonl", "--json").out)["file"]["id"]
    (desk.folder / "big.jsonl").write_bytes(b"mine")
    refused = desk.run("download", file_id)
    assert refused.status == 1
    assert "--force replaces it" in refused.err
    assert (desk.folder / "big.jsonl").read_bytes() == b"mine"
    assert desk.run("download", file_id, "--force").status == 0
    assert (desk.folder / "big.jsonl").read_bytes() == CONTENT


def test_a_name_with_escape_sequences_does_not_reach_the_terminal(desk: Desk, stand_in: StandIn) -> None:
    file = {"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "purpose": "batch"}
    stand_in.files["file-1"] = ({**file, "filename": "\x1b[31m../../evil\n"}, b"x")
    plain = replace(desk, variables={"HEAVYLIFT_BASE_URL": stand_in.url, "HEAVYLIFT_API_KEY": "sk-x"})
    for words in (("files", "list"), ("files", "show", "file-1")):
        assert "\x1b" not in plain.run(*words).out
    assert plain.run("download", "file-1").status == 0
    assert (plain.folder / "evil_").read_bytes() == b"x"


@pytest.mark.parametrize("variable", ["HEAVYLIFT_API_KEY", "OPENAI_API_KEY"])
def test_the_variables_of_openai_count_where_ours_are_not_set(
    server: Served, desk: Desk, variable: str
) -> None:
    base = variable.replace("API_KEY", "BASE_URL")
    assert replace(desk, variables={base: server.url, variable: server.key}).run("files", "list").status == 0


def test_a_key_is_never_printed_even_if_the_server_repeats_it(desk: Desk, stand_in: StandIn) -> None:
    def repeat(handler: object) -> bool:
        handler.refuse(401, "Incorrect API key provided: sk-very-secret-key")  # type: ignore[attr-defined]
        return True

    stand_in.faults.append(repeat)
    done = desk.run("--base-url", stand_in.url, "--api-key", "sk-very-secret-key", "files", "list")
    assert done.status == 4
    assert "sk-very" not in done.err + done.out
    assert "<key>" in done.err
