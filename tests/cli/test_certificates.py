"""Whose certificates are believed: the one that is served beside us, those that are named, and no others."""

from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from heavylift import AsyncHeavylift, Heavylift
from heavylift.client.errors import CertificateError, InvalidRequestError
from tests.cli.beside import OWN_KEY, facts
from tests.cli.typing_in import Desk
from tests.e2e.certificates import make_certificate
from tests.serving import serving


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(folder=tmp_path, variables={})


async def test_its_own_certificate_is_believed_under_any_name_and_no_other(desk: Desk, clean: None) -> None:
    chain, key = desk.folder / "cert.pem", desk.folder / "key.pem"
    make_certificate(chain, key)
    options = ("--tls-cert", str(chain), "--tls-key", str(key))
    with serving(desk.folder / "heavylift-data", options=options, env=OWN_KEY) as served:
        assert facts(desk)["server"] == served.url
        assert facts(desk, "--base-url", f"https://localhost:{served.port}/v1")["project"] == "default"
        secret = (served.data / "api-key").read_text().strip()
        away = Desk(
            folder=served.data, variables={"HEAVYLIFT_BASE_URL": served.url, "HEAVYLIFT_API_KEY": secret}
        )
        assert facts(away, HEAVYLIFT_CA_CERT=str(chain))["project"] == "default"
        assert facts(away, "--ca-cert", str(chain))["project"] == "default"
        named = replace(away, variables={"HEAVYLIFT_CA_CERT": "../cert.pem"})
        assert named.run("login", "--base-url", served.url, given=f"{secret}\n".encode()).status == 0
        assert facts(replace(away, variables={}))["key_from"] == "the profile default"
        before = len(served.told("connection.failed"))
        refused = away.run("files", "list")
        assert refused.status == 5
        assert "certificate" in refused.err
        assert "ca_cert=, HEAVYLIFT_CA_CERT or --ca-cert" in refused.err
        missing = away.run("--ca-cert", "none.pem", "files", "list")
        assert (missing.status, "none.pem (named by --ca-cert)" in missing.err) == (2, True), missing
        with (
            Heavylift(server_url=served.url, api_key="k", state_folder=desk.folder) as client,
            pytest.raises(CertificateError, match="self-signed certificate"),
        ):
            client.files.retrieve_file(file_id="file-1")
        async with AsyncHeavylift(server_url=served.url, api_key="k", state_folder=desk.folder) as waiting:
            with pytest.raises(CertificateError, match="HEAVYLIFT_CA_CERT"):
                await waiting.files.retrieve_file(file_id="file-1")
        served.close()
        assert len(served.told("connection.failed")) - before == 3


def test_a_client_of_ones_own_brings_its_own_certificates(clean: None) -> None:
    with httpx2.Client() as http, pytest.raises(InvalidRequestError, match="verify="):
        Heavylift(api_key="k", http_client=http, ca_cert="ca.pem")
