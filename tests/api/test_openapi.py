"""The OpenAPI document: every operation with its errors, extensions marked as such."""

from typing import Any

import pytest

from tests.api.conftest import Service

OPERATIONS = {
    "createUpload": ("post", "/v1/uploads", {400, 413}),
    "addUploadPart": ("post", "/v1/uploads/{upload_id}/parts", {400, 404, 413, 507}),
    "completeUpload": ("post", "/v1/uploads/{upload_id}/complete", {400, 404}),
    "cancelUpload": ("post", "/v1/uploads/{upload_id}/cancel", {400, 404}),
    "createFile": ("post", "/v1/files", {400, 413, 507}),
    "listFiles": ("get", "/v1/files", {400, 404}),
    "retrieveFile": ("get", "/v1/files/{file_id}", {404}),
    "deleteFile": ("delete", "/v1/files/{file_id}", {404}),
    "downloadFile": ("get", "/v1/files/{file_id}/content", {404, 416}),
}
EXTENSIONS = {
    "listUploads": ("get", "/v1/uploads", {400, 404}),
    "retrieveUpload": ("get", "/v1/uploads/{upload_id}", {404}),
    "listUploadParts": ("get", "/v1/uploads/{upload_id}/parts", {400, 404}),
    "whoami": ("get", "/v1/whoami", set()),
}
HEADS = {
    "headFile": ("/v1/files/{file_id}/content", {200, 304, 400, 401, 404, 412, 429, 503}),
    "headAlive": ("/healthz", {200}),
    "headReady": ("/readyz", {200, 503, 507}),
}


@pytest.fixture
async def document(service: Service) -> dict[str, Any]:
    """What /openapi.json answers."""
    answer = await service.stranger.get("/openapi.json")
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(("name", "operation"), (OPERATIONS | EXTENSIONS).items())
def test_every_operation_is_there_with_its_errors(
    document: dict[str, Any], name: str, operation: tuple[str, str, set[int]]
) -> None:
    method, path, errors = operation
    found = document["paths"][path][method]
    assert found["operationId"] == name
    assert found["security"]
    assert {str(status) for status in errors | {200, 401, 429, 503}} <= set(found["responses"])
    for status, response in found["responses"].items():
        if int(status) >= 400:
            schema = response["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorObject"}
    assert found.get("x-heavylift-extension", False) is (name in EXTENSIONS)


def test_there_is_no_operation_beside_those(document: dict[str, Any]) -> None:
    named = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert named == {*OPERATIONS, *EXTENSIONS, *HEADS, "alive", "ready"}


@pytest.mark.parametrize(("name", "operation"), HEADS.items())
def test_what_head_is_answered_is_there_without_a_body(
    document: dict[str, Any], name: str, operation: tuple[str, set[int]]
) -> None:
    path, statuses = operation
    found = document["paths"][path]["head"]
    assert found["operationId"] == name
    assert set(found["responses"]) == set(map(str, statuses))
    assert not any("content" in response for response in found["responses"].values())
    assert found.get("security") == document["paths"][path]["get"].get("security")


async def test_every_path_takes_the_methods_that_it_is_described_with_and_no_other(
    service: Service, document: dict[str, Any]
) -> None:
    for path, operations in document["paths"].items():
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            answer = await service.client.request(method, path)
            assert (answer.status_code == 405) is (method.lower() not in operations), (method, path)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [ref for value in node.values() for ref in references(value)]
        if isinstance(node, list):
            return [ref for value in node for ref in references(value)]
        return []

    found = references(document)
    assert found
    for reference in found:
        assert reference.startswith("#/components/schemas/")
        assert reference.rpartition("/")[2] in document["components"]["schemas"]


def test_extension_fields_are_marked(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for schema, fields in {
        "FileObject": {"checksum"},
        "UploadObject": {"mime_type", "bytes_received", "parts_count"},
        "PartObject": {"bytes", "checksum"},
    }.items():
        marked = {
            name
            for name, field in schemas[schema]["properties"].items()
            if "Extension of heavylift" in field.get("description", "")
        }
        assert marked == fields


async def test_the_documentation_is_a_page(service: Service) -> None:
    answer = await service.stranger.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "/openapi.json" in answer.text
