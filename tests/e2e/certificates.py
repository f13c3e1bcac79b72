"""Certificates of this machine's own, and who serves which."""

import socket
import ssl
import subprocess
from pathlib import Path


def make_certificate(chain: Path, key: Path) -> bytes:
    """A new self-signed one for loopback, written in place of what was there. In DER."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", chain],
        check=True, capture_output=True,
    )  # fmt: skip
    return ssl.PEM_cert_to_DER_cert(chain.read_text())


def served_certificate(port: int) -> bytes | None:
    """What a new connection is shown, in DER."""
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
        anyone.wrap_socket(plain) as wrapped,
    ):
        return wrapped.getpeercert(binary_form=True)
