"""The story of projects and API keys: make, find the owner, revoke."""

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heavylift.domain import ids
from heavylift.domain.errors import InvalidKey, InvalidRequest
from heavylift.service.ports import Catalog, Clock, Key, Project

DEFAULT_PROJECT = "default"
PREFIX = "hl-"
SECRET_BYTES = 32
"""256 bits: no salt and no slow hash are needed to keep such a secret from being guessed."""

SECRET = re.compile(r"hl-[A-Za-z0-9_-]{43}")
"""32 bytes in base64, as `new_secret` makes them."""

LEAST_CHARACTERS = 16
"""Of a key that the operator chose: shorter ones can be guessed."""

ALL_REVOKED = "All keys of this installation are revoked. `heavylift keys create` makes a new one."

FIRST = "first-key"
FIRST_SECONDS = 20.0
"""The lease of whoever makes the first key, and how long it lasts."""

TURN_SECONDS = 0.25
"""Between two looks whether somebody else has made it, or died in it."""

CACHE_SECONDS = 5.0
"""A revoked key is refused everywhere after this long at the latest."""

CACHE_ENTRIES = 4096

NAME_CHARACTERS = 256
"""The most of a project's or a key's name: one that is longer was not meant as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstKey:
    """What a start did about the first key. `secret` is a new one, told this once. `remark` is what an
    operator who chose a key should know: it came beside others, or was revoked."""

    secret: str | None = None
    remark: str | None = None


class Keys:
    """Projects and their keys. Verified keys are remembered for CACHE_SECONDS by `ticks`, a clock that nobody
    sets."""

    def __init__(self, catalog: Catalog, *, clock: Clock, ticks: Clock = time.monotonic) -> None:
        self._catalog = catalog
        self._clock = clock
        self._ticks = ticks
        self._verified: dict[str, tuple[Project, float]] = {}

    async def owner(self, secret: str) -> Project:
        """The project that the secret opens. Raises InvalidKey, which shows little of it."""
        digest, now = digest_of(secret), self._ticks()
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

    async def bootstrap(self, secret: str | None = None, *, keep: Callable[[str], str]) -> FirstKey:
        """Make sure there is a first project, and a key to it: `secret` if given, else a new one if the
        catalog has no key at all. `keep` stores a new secret, unless it has one; which it has then."""
        await self.add_project(DEFAULT_PROJECT, exist_ok=True)
        if secret is not None:
            return FirstKey(remark=await self._add_chosen(secret))
        holder = secrets.token_hex(8)
        for _ in range(round(FIRST_SECONDS / TURN_SECONDS) + 2):
            if known := await self._catalog.keys():
                return FirstKey(remark=None if any(key.revoked_at is None for key in known) else ALL_REVOKED)
            if await self._is_first(holder):
                return FirstKey(secret=await self._make_first(holder, keep))
            await asyncio.sleep(TURN_SECONDS)
        return FirstKey()

    async def _make_first(self, holder: str, keep: Callable[[str], str]) -> str | None:
        """A key that is kept before it is one. After a crash between, the next start makes a key of what is
        kept. So does another one that begins because this one stood still for as long as the lease lasts:
        whichever goes on, and whichever dies, what is kept is never anything but the key."""
        try:
            if await self._catalog.keys():
                return None
            secret = keep(new_secret())
            made = await self._store(secret, project=DEFAULT_PROJECT, name="first")
            return secret if made else None
        finally:
            now = self._clock()
            await self._catalog.take_lease(FIRST, holder, now=now, until=now)

    async def _add_chosen(self, secret: str) -> str | None:
        """Add the operator's key, if it is not there. What should be said of it."""
        others = await self._catalog.keys()
        added = await self._store(secret, project=DEFAULT_PROJECT, name="bootstrap")
        if added is None:
            if await self._catalog.key_owner(digest_of(secret)) is None:
                return "HEAVYLIFT_BOOTSTRAP_KEY is a key that was revoked, and opens nothing. Choose another."
            return None
        if others:
            return (
                f"HEAVYLIFT_BOOTSTRAP_KEY was added to an installation that has keys:"
                f" {len(others)} before it. Those stay as they are; `heavylift keys list` shows and"
                " `heavylift keys revoke` ends them."
            )
        return None

    async def create(self, *, project: str, name: str) -> tuple[Key, str]:
        """A new key for the project of that name, and its secret, which is stored nowhere. Raises
        InvalidRequest for a name that cannot be one, or a project that is not there."""
        check_name(name, of="key")
        secret = new_secret()
        key = await self._store(secret, project=project, name=name)
        assert key is not None, "256 random bits are new"
        return key, secret

    async def list(self, project: str | None = None) -> Sequence[Key]:
        """All keys, of the project of that name or of all."""
        return await self._catalog.keys(None if project is None else (await self._project(project)).id)

    async def revoke(self, named: str) -> str:
        """End a key for good, by its id or by a name that no other living key has. Its id.

        Raises InvalidRequest for one that is not there or ended before, and for a name of several.
        """
        living = [key for key in await self._catalog.keys() if key.revoked_at is None]
        found = [key.id for key in living if key.id == named] or [
            key.id
            for key in living
            if key.name == named and named.strip()  # an empty variable names none
        ]
        if len(found) > 1:
            raise InvalidRequest(
                f"{len(found)} keys are called {named}: {', '.join(found)}. Name one by its id."
            )
        if not found or not await self._catalog.revoke_key(found[0], now=self._clock()):
            raise InvalidRequest(f"There is no key {named} that could be revoked.", param="key_id")
        return found[0]

    async def add_project(self, name: str, *, exist_ok: bool = False) -> Project:
        """A new project. Raises InvalidRequest if the name cannot be one, or is taken, unless `exist_ok`."""
        check_name(name, of="project")
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

    async def _is_first(self, holder: str) -> bool:
        """Whether it is this one, of all that start at once, that makes the first key. If it dies instead,
        another is after FIRST_SECONDS."""
        now = self._clock()
        return await self._catalog.take_lease(FIRST, holder, now=now, until=now + FIRST_SECONDS)

    async def _project(self, name: str) -> Project:
        for project in await self._catalog.projects():
            if name in (project.name, project.id):
                return project
        raise InvalidRequest(
            f"There is no project '{name}'. `heavylift projects create` makes one.", param="project"
        )

    async def _store(self, secret: str, *, project: str, name: str) -> Key | None:
        """The key, None if there is one of that secret already."""
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
        return key if await self._catalog.add_key(key, digest_of(secret)) else None


def check_name(name: str, *, of: str) -> None:
    """Refuse what no list could show as one name in one line, and no database could keep. Raises
    InvalidRequest."""
    if not name.strip():
        raise InvalidRequest(f"A {of} needs a name.", param="name")
    if len(name) > NAME_CHARACTERS:
        raise InvalidRequest(
            f"The name of a {of} has {NAME_CHARACTERS} characters at most, and this one {len(name)}:"
            " choose a shorter one.",
            param="name",
        )
    if not name.isprintable():
        raise InvalidRequest(
            f"The name of a {of} is one line of printable characters in UTF-8, and this one has others:"
            " choose one without them.",
            param="name",
        )


def new_secret() -> str:
    """A secret that nobody can guess."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def is_secret(text: str) -> bool:
    """Whether it is whole, and may be one that was made here."""
    return SECRET.fullmatch(text) is not None


def digest_of(secret: str) -> str:
    """What is stored of a secret: its SHA-256 in hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def masked(secret: str) -> str:
    """A secret as it may be shown to the one who sent it: OpenAI's way, its ends and asterisks between."""
    if len(secret) < LEAST_CHARACTERS:
        return "*" * len(secret)
    return f"{secret[:3]}{'*' * min(len(secret) - 7, 32)}{secret[-4:]}"
