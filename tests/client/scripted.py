"""A heavylift server in miniature, extensions included, behind the mock transport: one object, one lock."""

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from heavylift.client import checksums
from tests.client.rig import envelope
from tests.support.forms import read_form

Tamper = Callable[[str, httpx2.Request], httpx2.Response | None]


@dataclass
class Scripted:
    """`tamper` may answer instead. `extensions` off makes it OpenAI's own protocol alone."""

    extensions: bool = True
    ranges: bool = True
    tamper: Tamper = lambda line, request: None
    asked: list[str] = field(default_factory=list)
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)
    parts: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    files: dict[str, tuple[dict[str, Any], bytes]] = field(default_factory=dict)
    completions: list[dict[str, Any]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        line = f"{request.method} {request.url.path.removeprefix('/v1')}"
        with self.lock:
            self.asked.append(line)
            return self.tamper(line, request) or self._answer(line, request)

    def count(self, pattern: str) -> int:
        """How many requests matched."""
        return sum(re.fullmatch(pattern, line) is not None for line in self.asked)

    def _answer(self, line: str, request: httpx2.Request) -> httpx2.Response:
        for pattern, answer in self._routes():
            if match := re.fullmatch(pattern, line):
                return answer(request, *match.groups())
        return envelope(404, f"Invalid URL ({line})")

    def _routes(self) -> list[tuple[str, Callable[..., httpx2.Response]]]:
        own = [
            (r"POST /uploads", self._create),
            (r"POST /uploads/([^/]+)/parts", self._add_part),
            (r"POST /uploads/([^/]+)/complete", self._complete),
            (r"POST /uploads/([^/]+)/cancel", self._cancel),
            (r"GET /files/([^/]+)", self._file),
            (r"GET /files/([^/]+)/content", self._content),
        ]
        extra = [
            (r"GET /uploads/([^/]+)", self._upload),
            (r"GET /uploads/([^/]+)/parts", self._list_parts),
        ]
        return own + (extra if self.extensions else [])

    def _create(self, request: httpx2.Request) -> httpx2.Response:
        upload = {
            "id": f"upload_{next(self.numbers)}",
            "status": "pending",
            "created_at": 1,
            "expires_at": 3601,
            **json.loads(request.content),
        }
        self.uploads[upload["id"]] = upload
        return httpx2.Response(200, json=upload)

    def _upload(self, request: httpx2.Request, upload_id: str) -> httpx2.Response:
        if upload_id not in self.uploads:
            return envelope(404, "No such Upload", param="upload_id", code="upload_not_found")
        return httpx2.Response(200, json=self.uploads[upload_id])

    def _add_part(self, request: httpx2.Request, upload_id: str) -> httpx2.Response:
        found = self._upload(request, upload_id)
        if found.status_code == 404:
            return found
        if self.uploads[upload_id]["status"] != "pending":
            return envelope(400, "The upload is closed", code=f"upload_{self.uploads[upload_id]['status']}")
        payload = read_form(request.headers["content-type"], request.content)["data"][1]
        digest = request.headers.get("content-digest")
        if digest not in {None, checksums.content_digest(checksums.extend(0, payload))}:
            return envelope(400, "The part is not what its digest says", code="digest_mismatch")
        part_id = f"part_{next(self.numbers)}"
        self.parts[part_id] = (upload_id, payload)
        return httpx2.Response(200, json=self._shown(part_id))

    def _shown(self, part_id: str) -> dict[str, Any]:
        upload_id, payload = self.parts[part_id]
        part = {"id": part_id, "object": "upload.part", "created_at": 2, "upload_id": upload_id}
        if self.extensions:
            checksum = checksums.show(checksums.extend(0, payload))
            part |= {"bytes": len(payload), "checksum": checksum}
        return part

    def _list_parts(self, request: httpx2.Request, upload_id: str) -> httpx2.Response:
        """Two to a page, so that the pages are followed."""
        ids = [part_id for part_id, (of, _) in self.parts.items() if of == upload_id]
        after = request.url.params.get("after")
        rest = ids[ids.index(after) + 1 :] if after else ids
        data = [self._shown(part_id) for part_id in rest[:2]]
        return httpx2.Response(200, json={"object": "list", "data": data, "has_more": len(rest) > 2})

    def _complete(self, request: httpx2.Request, upload_id: str) -> httpx2.Response:
        asked = json.loads(request.content)
        self.completions.append(asked)
        content = b"".join(self.parts[part_id][1] for part_id in asked["part_ids"])
        upload = self.uploads[upload_id]
        if len(content) != upload["bytes"]:
            return envelope(400, "The parts do not add up", code="bytes_mismatch", param="part_ids")
        upload |= {"status": "completed", "file": self.keep(content, upload["filename"])}
        return httpx2.Response(200, json=upload)

    def keep(self, content: bytes, filename: str = "kept.bin") -> dict[str, Any]:
        """A File of these bytes."""
        file = {
            "id": f"file-{next(self.numbers)}",
            "bytes": len(content),
            "created_at": 3,
            "filename": filename,
            "purpose": "user_data",
            "status": "processed",
        }
        if self.extensions:
            file["checksum"] = checksums.show(checksums.extend(0, content))
        self.files[str(file["id"])] = (file, content)
        return file

    def _cancel(self, request: httpx2.Request, upload_id: str) -> httpx2.Response:
        if upload_id not in self.uploads:
            return envelope(404, "No such Upload", param="upload_id", code="upload_not_found")
        if self.uploads[upload_id]["status"] == "completed":
            return envelope(400, "The upload is completed.", code="upload_completed")
        self.uploads[upload_id]["status"] = "cancelled"
        return httpx2.Response(200, json=self.uploads[upload_id])

    def _file(self, request: httpx2.Request, file_id: str) -> httpx2.Response:
        if file_id not in self.files:
            return envelope(404, f"No such File object: {file_id}", param="id", code="file_not_found")
        return httpx2.Response(200, json=self.files[file_id][0])

    def _content(self, request: httpx2.Request, file_id: str) -> httpx2.Response:
        content = self.files[file_id][1]
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        etag = f'"{checksums.extend(0, content):016x}"'
        if not self.ranges or not asked or request.headers.get("if-range", etag) != etag:
            return httpx2.Response(200, content=content)
        start, end = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        headers = {"content-range": f"bytes {start}-{end}/{len(content)}", "etag": etag}
        return httpx2.Response(206, content=content[start : end + 1], headers=headers)
