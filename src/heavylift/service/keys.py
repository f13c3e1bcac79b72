"""The story of projects and API keys: make, find the owner, revoke."""

import hashlib
import secrets
from collections.abc import Sequence

from heavylift.domain import ids
from heavylift.domain.errors import InvalidKey, InvalidRequest
from heavylift.service.ports import Catalog, Clock, Key, Project

DEFAULT_PROJECT = "default"
PREFIX = "hl-"
SECRET_BYTES = 32
"""256 bits: no salt and no slow hash are needed to keep such a secret from being guessed."""

LEAST_CHARACTERS = 16
"""Of a key that the operator chose: shorter ones can be guessed."""

FIRST = "first-key"
FIRST_SECONDS = 60.0
"""The lease of whoever makes the first key, and how long it lasts."""

CACHE_SECONDS = 5.0
"""A revoked key is refused everywhere after this long at the latest."""

CACHE_ENTRIES = 4096


class Keys:
    """Projects and their keys. Verified keys are remembered for CACHE_SECONDS."""

    def __init__(self, catalog: Catalog, *, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        self._verified: dict[str, tuple[Project, float]] = {}

    async def owner(self, secret: str) -> Project:
        """The project that the secret opens. Raises InvalidKey, which shows little of it."""
        digest, now = digest_of(secret), self._clock()
        project, until = self._verified.get(digest, (None, 0.0))
        if project is not None and now < until:
            return project
        project = await self._catalog.key_owner(digest)
        if project is None:
            self._verified.pop(digest, None)
            raise InvalidKey(
                f"Incorrect API key provided: {masked(secret)}. `heavylift keys create` makes a new one."
            )
        if len(self._verified) >= CACHE_ENTRIES:
            self._verified.clear()
        self._verified[digest] = (project, now + CACHE_SECONDS)
        return project

    async def bootstrap(self, secret: str | None = None) -> str | None:
        """Make sure there is a first project, and a key to it: `secret` if given, else a new one if the
        catalog has no key at all. The new secret is returned, this once."""
        await self.add_project(DEFAULT_PROJECT, exist_ok=True)
        if secret is not None:
            await self._store(secret, project=DEFAULT_PROJECT, name="bootstrap")
            return None
        if await self._catalog.keys() or not await self._is_first() or await self._catalog.keys():
            return None
        return (await self.create(project=DEFAULT_PROJECT, name="first"))[1]

    async def create(self, *, project: str, name: str) -> tuple[Key, str]:
        """A new key for the project of that name, and its secret, which is stored nowhere."""
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        return await self._store(secret, project=project, name=name), secret

    async def list(self, project: str | None = None) -> Sequence[Key]:
        """All keys, of the project of that name or of all."""
        return await self._catalog.keys(None if project is None else (await self._project(project)).id)

    async def revoke(self, key_id: str) -> None:
        """End a key for good. Raises InvalidRequest for one that is not there or ended before."""
        if not await self._catalog.revoke_key(key_id, now=self._clock()):
            raise InvalidRequest(f"There is no key {key_id} that could be revoked.", param="key_id")

    async def add_project(self, name: str, *, exist_ok: bool = False) -> Project:
        """A new project. Raises InvalidRequest if the name is taken, unless `exist_ok`."""
        if not name.strip():
            raise InvalidRequest("A project needs a name.", param="name")
        now = self._clock()
        project = Project(id=ids.new_id(ids.PROJECT, now=now), name=name, created_at=int(now))
        if await self._catalog.add_project(project):
            return project
        if not exist_ok:
            raise InvalidRequest(f"There is a project '{name}' already.", param="name")
        return await self._project(name)

    async def projects(self) -> Sequence[Project]:
        """All projects, oldest first."""
        return await self._catalog.projects()

    async def _is_first(self) -> bool:
        """Whether it is this one, of all that start at once, that makes the first key. If it dies instead,
        whoever starts after FIRST_SECONDS is."""
        now = self._clock()
        holder = secrets.token_hex(8)
        return await self._catalog.take_lease(FIRST, holder, now=now, until=now + FIRST_SECONDS)

    async def _project(self, name: str) -> Project:
        for project in await self._catalog.projects():
            if name in (project.name, project.id):
                return project
        raise InvalidRequest(
            f"There is no project '{name}'. `heavylift projects create` makes one.", param="project"
        )

    async def _store(self, secret: str, *, project: str, name: str) -> Key:
        if len(secret) < LEAST_CHARACTERS:
            raise InvalidRequest(f"An API key needs at least {LEAST_CHARACTERS} characters.")
        owner, now = await self._project(project), self._clock()
        key = Key(
            id=ids.new_id(ids.KEY, now=now),
            project=owner.id,
            name=name,
            hint=secret[-4:],
            created_at=int(now),
        )
        await self._catalog.add_key(key, digest_of(secret))
        return key


def digest_of(secret: str) -> str:
    """What is stored of a secret: its SHA-256 in hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def masked(secret: str) -> str:
    """A secret as it may be shown to the one who sent it: OpenAI's way, its ends and asterisks between."""
    if len(secret) < LEAST_CHARACTERS:
        return "*" * len(secret)
    return f"{secret[:3]}{'*' * min(len(secret) - 7, 32)}{secret[-4:]}"
