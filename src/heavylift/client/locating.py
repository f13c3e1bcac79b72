"""Reads what `endpoint` decides on: the environment, the profiles, the installation beside us."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final
from urllib.parse import urlsplit

from heavylift.client import endpoint, installation, profiles
from heavylift.client.endpoint import ApiKey, Endpoint, Kind, Source, Trust
from heavylift.client.errors import InvalidRequestError
from heavylift.client.installation import Installation
from heavylift.client.origins import same_here
from heavylift.client.profiles import Profile

PROFILE: Final = "HEAVYLIFT_PROFILE"
CA_CERT: Final = "HEAVYLIFT_CA_CERT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the caller has said: the SDK's arguments, or the options of a command."""

    url: str | None = None
    key: ApiKey | None = field(default=None, repr=False)
    profile: str | None = None
    ca_cert: str | os.PathLike[str] | None = None


def locate(given: Given, environment: Mapping[str, str] = os.environ) -> Endpoint:
    """Server, key and trust. Raises InvalidRequestError for a profile that is named and not there, and for a
    file of profiles that cannot be used."""
    here = _Here(given, environment)
    found = endpoint.decide(here.sources())
    return replace(found, trust=here.trust_for(found))


class _Here:
    """The places, each read when it is asked, and once."""

    def __init__(self, given: Given, environment: Mapping[str, str]) -> None:
        self._given = given
        self._environment = environment

    def sources(self) -> Iterator[Source]:
        """In the order in which they count. An argument goes before every variable."""
        given = self._given
        yield Source(
            kind=Kind.ARGUMENT, url=given.url or None, url_name="server_url=", key=given.key,
            key_name="api_key=",
        )  # fmt: skip
        if given.profile:
            yield self._profile(given.profile, named_by="profile=")
        yield self._variables(Kind.VARIABLE, "HEAVYLIFT")
        if not given.profile:
            named = self._variable(PROFILE)
            yield self._profile(named or profiles.DEFAULT, named_by=PROFILE if named else "")
        yield self._variables(Kind.OPENAI, "OPENAI")
        yield self._installation()

    def trust_for(self, found: Endpoint) -> Trust:
        """Argument, the certificate that the service beside us serves, variable, profile."""
        if self._given.ca_cert:
            return Trust(file=os.fspath(self._given.ca_cert), named_by=endpoint.ARGUMENT)
        if urlsplit(found.url).scheme != "https":
            return endpoint.SYSTEM
        beside = self._beside
        if beside.certificate and same_here(beside.url or "", found.url):
            return Trust(pinned=beside.certificate)
        if named := self._variable(CA_CERT):
            return Trust(file=named, named_by=CA_CERT)
        if found.ca_cert:
            return Trust(file=found.ca_cert, named_by="the profile")
        return endpoint.SYSTEM

    def _variable(self, name: str) -> str | None:
        """Empty means unset."""
        return self._environment.get(name, "").strip() or None

    def _variables(self, kind: Kind, prefix: str) -> Source:
        url_name, key_name = f"{prefix}_BASE_URL", f"{prefix}_API_KEY"
        url, key = self._variable(url_name), self._variable(key_name)
        lonely = kind is Kind.OPENAI and url is not None and key is None
        return Source(
            kind=kind, url=url, url_name=url_name, key=key, key_name=key_name,
            remark=f"{url_name} is set, but counts together with {key_name} alone" if lonely else "",
        )  # fmt: skip

    def _profile(self, name: str, *, named_by: str) -> Source:
        """The profile of that name; one that nobody has named may be missing."""
        folder = profiles.config_folder()
        file = None if folder is None else folder / profiles.FILE
        kept: Mapping[str, Profile] = {} if file is None else profiles.read_profiles(file).profiles
        if name in kept:
            profile, said = kept[name], f"the profile {name}"
            return Source(
                kind=Kind.PROFILE, url=profile.base_url, url_name=said, key=profile.api_key, key_name=said,
                ca_cert=profile.ca_cert,
            )  # fmt: skip
        if named_by:
            known = f"It knows {', '.join(sorted(kept))}" if kept else "There is none yet"
            raise InvalidRequestError(
                f"There is no profile {name!r} (named by {named_by}) in {file or 'a folder of settings'}."
                f" {known}; `heavylift --profile NAME login` makes one"
            )
        return Source(kind=Kind.PROFILE)

    @cached_property
    def _beside(self) -> Installation:
        return installation.beside(self._environment)

    def _installation(self) -> Source:
        beside = self._beside
        return Source(
            kind=Kind.INSTALLATION, url=beside.url, url_name=f"the service on {beside.folder}",
            key=beside.key, key_name=str(beside.key_file), remark=beside.remark,
        )  # fmt: skip
