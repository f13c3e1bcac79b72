"""Every method of the catalog that serves a client, asked for what belongs to another project."""

import inspect
from collections.abc import Mapping
from typing import Any

from heavylift.service.ports import Catalog
from tests.contract.catalog_facts import (
    ALL,
    MINE,
    NOW,
    ROOM,
    THEIRS,
    all_of_it,
    extents_of,
    finish,
    new_file,
    new_part,
    stored_file,
    stored_upload,
)

ACROSS_PROJECTS = {
    # what they store says whose it is
    "add_upload",
    "add_file",
    # upkeep and operators
    "overdue",
    "expire_uploads",
    "expire_files",
    "forget_uploads",
    "forget_idempotency_keys",
    "garbage",
    "forget_garbage",
    "orphans",
    "condemn",
    "postpone_garbage",
    "condemned",
    "expiring",
    "make_durable",
    "last_search",
    "remember_search",
    "now",
    "newest",
    "take_lease",
    "add_project",
    "projects",
    "add_key",
    "keys",
    "key_owner",
    "revoke_key",
    "ping",
    "close",
}

METHODS = {
    name: inspect.signature(method)
    for name, method in inspect.getmembers(Catalog, inspect.iscoroutinefunction)
    if not name.startswith("_")
}

CLIENTS = [
    name
    for name, signature in METHODS.items()
    if [(first.name, first.annotation) for first in list(signature.parameters.values())[1:2]]
    == [("project", str)]
]


async def snapshot(catalog: Catalog, project: str) -> list[Any]:
    """All that a project can see of itself."""
    uploads = await catalog.uploads(project, status=None, now=NOW, page=ALL)
    files = await catalog.files(project, purpose=None, now=NOW, page=ALL)
    parts = [await catalog.parts(project, upload.id) for upload in uploads]
    return [uploads, files, parts, [await extents_of(catalog, file.id, project=project) for file in files]]


async def ask(catalog: Catalog, method: str, arguments: Mapping[str, Any]) -> Any:
    """Call it with those of the arguments that it takes."""
    wanted = [name for name in METHODS[method].parameters if name not in ("self", "project")]
    return await getattr(catalog, method)(THEIRS, **{name: arguments[name] for name in wanted})


class CatalogOfTenants:
    """Nothing of one project is visible to another, and theirs is answered like unknown."""

    def test_every_method_takes_the_project_or_is_known_to_go_across(self) -> None:
        assert set(METHODS) - set(CLIENTS) == ACROSS_PROJECTS

    async def test_another_projects_things_are_as_if_they_were_not(self, catalog: Catalog) -> None:
        pending, parts = await stored_upload(catalog, 10, 20, project=MINE)
        done, used = await stored_upload(catalog, 10, project=MINE)
        made = await finish(catalog, done, used)
        posted = await stored_file(catalog, project=MINE)
        assert made is not None
        before = await snapshot(catalog, MINE)
        extents = [part.extent for part in parts]
        common = ROOM | {"status": None, "purpose": None, "now": NOW, "due": NOW, "page": ALL, "receipt": "r"}
        common |= {"wanted": all_of_it}
        for upload in (pending, done):
            for file_id in (made.id, posted.id):
                theirs = {
                    "upload_id": upload.id,
                    "file_id": file_id,
                    "part": new_part(upload),
                    "file": new_file(extents, project=THEIRS),
                    "extents": extents,
                }
                unknown = theirs | {"upload_id": "upload_none", "file_id": "file-none"}
                for method in CLIENTS:
                    seen = await ask(catalog, method, common | theirs)
                    assert seen == await ask(catalog, method, common | unknown)
                    assert not seen, f"{method} shows or changes what belongs to another project"
        assert await snapshot(catalog, MINE) == before
        assert not any(await snapshot(catalog, THEIRS))

    async def test_an_upload_cannot_be_completed_with_another_projects_parts(self, catalog: Catalog) -> None:
        _, stolen = await stored_upload(catalog, 10, project=MINE)
        upload, own = await stored_upload(catalog, 10, project=THEIRS)
        assert await finish(catalog, upload, stolen) is None
        assert await finish(catalog, upload, own + stolen) is None
        assert await finish(catalog, upload, own) is not None
