"""The OpenAPI document: every operation with its errors, extensions marked as such."""

import re
from typing import Any

import pytest

from heavylift.domain.purposes import PURPOSES
from tests.api.conftest import Service, Start

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


def test_the_key_is_asked_for_as_it_is(document: dict[str, Any]) -> None:
    [(name, scheme)] = document["components"]["securitySchemes"].items()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for method, path, _ in OPERATIONS.values():
        assert document["paths"][path][method]["security"] == [{name: []}]


async def test_a_purpose_is_one_of_this_services_and_one_is_chosen(start: Start) -> None:
    async with start(purposes={"archive": {"extensions": ["zip"]}}) as service:
        document = (await service.stranger.get("/openapi.json")).json()
    for path, form in (("/v1/uploads", "application/json"), ("/v1/files", "multipart/form-data")):
        body = document["paths"][path]["post"]["requestBody"]["content"][form]
        purpose = body["schema"]["properties"]["purpose"]
        assert purpose["enum"] == [*PURPOSES, "archive"]
        assert purpose["default"] == "user_data"
        assert "purpose" in body["schema"]["required"]


def test_nothing_is_filled_in_that_does_something_unasked(document: dict[str, Any]) -> None:
    for name in ("createUpload", "completeUpload"):
        method, path, _ = OPERATIONS[name]
        body = document["paths"][path][method]["requestBody"]["content"]["application/json"]
        assert set(body["example"]) == set(body["schema"]["required"])
    form = document["paths"]["/v1/files"]["post"]["requestBody"]["content"]["multipart/form-data"]
    properties = form["schema"]["properties"]
    optional = set(properties) - set(form["schema"]["required"])
    assert {name: properties[name].get("example") for name in optional} == dict.fromkeys(optional, "")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_browser_is_told_at_the_root_what_this_is(service: Service, method: str) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    page = await service.stranger.request(method, "/", headers=browser)
    assert (page.status_code, page.headers["vary"]) == (200, "Accept")
    assert page.headers["content-type"].startswith("text/html")
    assert ('href="docs"' in page.text) is (method == "GET")
    for link in re.findall('href="([^"]+)"', page.text):
        assert (await service.stranger.get(f"/{link}")).status_code == 200
    program = await service.stranger.request(method, "/", headers={"accept": "application/json"})
    assert program.status_code == 404
    elsewhere = await service.stranger.request(method, "/v1", headers=browser)
    assert elsewhere.headers["content-type"] == "application/json"
