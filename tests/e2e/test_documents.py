"""The service against two descriptions of itself: its own OpenAPI document and the facts of OpenAI's."""

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.openapi import from_path, from_url
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.e2e.conftest import Project
from tests.e2e.wire import begun, speaking
from tests.serving import Served

OPERATIONS = Path(__file__).parent / "openai_operations.yaml"

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip

DETERMINISTIC = settings(
    max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

STORY = [
    ("/uploads", "POST"), ("/uploads/{upload_id}/parts", "POST"), ("/uploads/{upload_id}/complete", "POST"),
    ("/uploads/{upload_id}/cancel", "POST"), ("/files", "POST"), ("/files", "GET"),
    ("/files/{file_id}", "GET"), ("/files/{file_id}/content", "GET"), ("/files/{file_id}", "DELETE"),
]  # fmt: skip
"""The nine operations, in an order in which each succeeds."""


OURS = [
    ("/v1/uploads", "GET"), ("/v1/uploads/{upload_id}", "GET"), ("/v1/uploads/{upload_id}/parts", "GET"),
    ("/healthz", "GET"), ("/readyz", "GET"), ("/v1/whoami", "GET"),
    ("/v1/files/{file_id}/content", "HEAD"), ("/healthz", "HEAD"), ("/readyz", "HEAD"),
]  # fmt: skip
"""What our document has beyond them."""


def without_surprises() -> SchemathesisConfig:
    """The library's defaults, whatever configuration lies around."""
    config = SchemathesisConfig()
    config.projects.default.generation.update(with_security_parameters=False)
    config.projects.default.checks.negative_data_rejection.expected_statuses = [
        "400",
        "401",
        "404",
        "413",
        "431",
    ]
    return config


@pytest.fixture(scope="session")
def own(server: Served) -> BaseSchema:
    """Our own document, as the server hands it out."""
    return from_url(f"{server.root}/openapi.json", config=without_surprises())


@pytest.fixture(scope="session")
def openais() -> BaseSchema:
    """OpenAI's nine operations."""
    return from_path(OPERATIONS, config=without_surprises())


def operations_of(schema: BaseSchema) -> set[tuple[str, str]]:
    """Every path with its method."""
    return {(found.ok().path, found.ok().method.upper()) for found in schema.get_all_operations()}


def explore(
    schema: BaseSchema, operation: tuple[str, str], url: str, key: str, checks: list[CheckFunction]
) -> None:
    """Send requests that fit the document and requests that do not, and judge each answer."""
    path, method = operation
    for mode in GenerationMode:

        @DETERMINISTIC
        @given(schema[path][method].as_strategy(generation_mode=mode))
        def send(case: Case) -> None:
            case.call_and_validate(base_url=url, headers={"Authorization": f"Bearer {key}"}, checks=checks)

        # There may be nothing wrong to say to an operation, but always something right.
        with suppress(Unsatisfiable) if mode.is_negative else nullcontext():
            send()


@pytest.mark.parametrize(
    "operation", [*((f"/v1{path}", method) for path, method in STORY), *OURS], ids=" ".join
)
def test_no_generated_request_is_answered_in_a_way_that_our_document_does_not_name(
    operation: tuple[str, str], own: BaseSchema, server: Served
) -> None:
    checks = [*CHECKS, negative_data_rejection]
    if operation[1] == "GET":  # whether a POST fits also depends on what no schema can say
        checks.append(positive_data_acceptance)
    explore(own, operation, server.root, server.key, checks)


@pytest.mark.parametrize("operation", STORY, ids=" ".join)
def test_no_generated_request_is_answered_in_a_way_that_openais_facts_exclude(
    operation: tuple[str, str], openais: BaseSchema, server: Served
) -> None:
    explore(openais, operation, server.url, server.key, CHECKS)


def test_the_documents_have_no_operation_that_is_not_explored(own: BaseSchema, openais: BaseSchema) -> None:
    assert operations_of(openais) == set(STORY)
    assert operations_of(own) == {*((f"/v1{path}", method) for path, method in STORY), *OURS}


@pytest.mark.parametrize(("document", "prefix"), [("own", "/v1"), ("openais", "")])
def test_every_documented_success_is_answered_as_documented(
    request: pytest.FixtureRequest, server: Served, new_project: Project, document: str, prefix: str
) -> None:
    schema: BaseSchema = request.getfixturevalue(document)
    key = new_project()
    with speaking(server.url, key) as api:
        upload, parts = begun(api, b"abc")
        cancelled = begun(api, b"abc")[0]
        content = api.post("/files", data={"purpose": "evals"}, files={"file": ("x", b"abc")}).json()["id"]
    described = {"filename": "x", "purpose": "evals", "bytes": 3, "mime_type": "text/plain"}
    bodies: dict[str, Any] = {
        "/uploads": described,
        "/uploads/{upload_id}/parts": {"data": b"abc"},
        "/uploads/{upload_id}/complete": {"part_ids": parts},
    }
    for path, method in STORY:
        if (path, method) == ("/files", "POST"):
            continue  # its file needs a name, which this library does not send
        case = schema[prefix + path][method].Case(
            path_parameters={
                "upload_id": cancelled if path.endswith("cancel") else upload, "file_id": content,
            } if "{" in path else {},
            body=bodies.get(path) if method == "POST" and path in bodies else schemathesis.core.NOT_SET,
            media_type="multipart/form-data" if path.endswith("parts") else "application/json",
        )  # fmt: skip
        found = case.call_and_validate(
            base_url=server.root + ("" if prefix else "/v1"),
            headers={"Authorization": f"Bearer {key}"},
            checks=CHECKS,
        )
        assert found.status_code == 200, (path, method, found.text)
