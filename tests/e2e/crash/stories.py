"""One operation each, as a crash may cut it short: how it begins, what must hold afterwards.

A story is prepared in peace, acts while the service dies (or not), and is checked after the
restart, when it also goes on: it ends with a File whose bytes are known, or with none.
"""

import os
from typing import ClassVar, Protocol

import httpx2

from tests.e2e.crash.calls import Answer, all_files, checksum, md5, parts_of
from tests.e2e.wire import add_part, begun, completed, create, good, send_complete, send_file, send_part

SIZE = 70_000
"""Bytes of a Part: more than one chunk of the socket's, and still quick."""


class Story(Protocol):
    """What the crash test needs of an operation."""

    sweeps: ClassVar[bool]
    """Whether it leaves bytes that the running service reclaims at once."""

    def prepare(self, api: httpx2.Client) -> None:
        """All that comes before the operation."""
        ...

    def act(self, api: httpx2.Client) -> httpx2.Response:
        """The operation."""
        ...

    def check(self, api: httpx2.Client, answer: Answer) -> dict[str, bytes]:
        """What must hold, whether or not `answer` came. Returns the Files that it leaves, by id."""
        ...


class AddPart:
    """A Part is sent while its Upload holds another."""

    sweeps = False

    def __init__(self) -> None:
        self.bodies = [os.urandom(SIZE), os.urandom(SIZE + 1)]
        self.upload = ""
        self.ids: list[str] = []

    def prepare(self, api: httpx2.Client) -> None:
        self.upload = create(api, 2 * SIZE + 1)["id"]
        self.ids = [add_part(api, self.upload, self.bodies[0])]

    def act(self, api: httpx2.Client) -> httpx2.Response:
        return send_part(api, self.upload, self.bodies[1])

    def check(self, api: httpx2.Client, answer: Answer) -> dict[str, bytes]:
        parts = parts_of(api, self.upload)
        assert parts.pop(self.ids[0])["checksum"] == checksum(self.bodies[0])
        if answer is not None:
            assert list(parts) == [good(answer)["id"]]
        for part in parts.values():
            assert (part["bytes"], part["checksum"]) == (SIZE + 1, checksum(self.bodies[1]))
        upload = good(api.get(f"/uploads/{self.upload}"))
        assert upload["status"] == "pending"
        assert upload["bytes_received"] == SIZE + len(parts) * (SIZE + 1)
        self.ids.append(next(iter(parts), None) or add_part(api, self.upload, self.bodies[1]))
        whole = b"".join(self.bodies)
        file = good(send_complete(api, self.upload, self.ids, md5=md5(whole)))["file"]
        return {file["id"]: whole}


class PostFile:
    """A file is posted."""

    sweeps = False

    def __init__(self) -> None:
        self.body = os.urandom(SIZE)
        self.name = f"{os.urandom(8).hex()}.bin"

    def prepare(self, api: httpx2.Client) -> None:
        """Nothing comes before."""

    def act(self, api: httpx2.Client) -> httpx2.Response:
        return send_file(api, self.body, filename=self.name)

    def check(self, api: httpx2.Client, answer: Answer) -> dict[str, bytes]:
        ours = {id for id, file in all_files(api).items() if file["filename"] == self.name}
        if answer is not None:
            assert ours == {good(answer)["id"]}
        assert len(ours) <= 1
        return dict.fromkeys(ours, self.body)


class Complete:
    """An Upload of three Parts is completed; one more is not listed."""

    sweeps = True

    def __init__(self) -> None:
        self.bodies = [os.urandom(SIZE + number) for number in range(3)]
        self.whole = b"".join(self.bodies)
        self.upload = ""
        self.ids: list[str] = []

    def prepare(self, api: httpx2.Client) -> None:
        self.upload, self.ids = begun(api, *self.bodies)
        add_part(api, self.upload, b"sent twice")

    def act(self, api: httpx2.Client) -> httpx2.Response:
        return send_complete(api, self.upload, self.ids)

    def check(self, api: httpx2.Client, answer: Answer) -> dict[str, bytes]:
        upload = good(api.get(f"/uploads/{self.upload}"))
        assert upload["status"] in ({"pending", "completed"} if answer is None else {"completed"})
        if upload["status"] == "pending":
            assert "file" not in upload
            assert len(parts_of(api, self.upload)) == 4
        repeated = good(send_complete(api, self.upload, self.ids))
        assert good(send_complete(api, self.upload, self.ids)) == repeated
        assert repeated["file"] == upload.get("file", repeated["file"])
        if answer is not None:
            assert repeated == good(answer)
        assert repeated["file"]["checksum"] == checksum(self.whole)
        return {repeated["file"]["id"]: self.whole}


class Cancel:
    """An Upload of two Parts is cancelled."""

    sweeps = True

    def __init__(self) -> None:
        self.upload = ""
        self.body = os.urandom(SIZE)

    def prepare(self, api: httpx2.Client) -> None:
        self.upload, _ = begun(api, self.body, self.body)

    def act(self, api: httpx2.Client) -> httpx2.Response:
        return api.post(f"/uploads/{self.upload}/cancel")

    def check(self, api: httpx2.Client, answer: Answer) -> dict[str, bytes]:
        status = good(api.get(f"/uploads/{self.upload}"))["status"]
        parts = parts_of(api, self.upload)
        if answer is not None:
            assert good(answer)["status"] == status == "cancelled"
        if status == "pending":
            file = good(send_complete(api, self.upload, list(parts)))["file"]
            return {file["id"]: 2 * self.body}
        assert (status, parts) == ("cancelled", {})
        assert good(api.post(f"/uploads/{self.upload}/cancel"))["status"] == "cancelled"
        return {}


class Delete:
    """A File of two Parts is deleted."""

    sweeps = True

    def __init__(self) -> None:
        self.body = os.urandom(SIZE)
        self.file = ""

    def prepare(self, api: httpx2.Client) -> None:
        self.file = completed(api, self.body, self.body)["file"]["id"]

    def act(self, api: httpx2.Client) -> httpx2.Response:
        return api.delete(f"/files/{self.file}")

    def check(self, api: httpx2.Client, answer: Answer) -> dict[str, bytes]:
        shown = api.get(f"/files/{self.file}").status_code
        assert api.get(f"/files/{self.file}/content").status_code == shown
        assert (self.file in all_files(api)) == (shown == 200)
        if shown == 200:
            assert answer is None
            return {self.file: 2 * self.body}
        assert shown == 404
        if answer is not None:
            assert good(answer)["deleted"]
        return {}
