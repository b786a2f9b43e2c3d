"""Certificates as sites have them, made with OpenSSL's own command."""

import subprocess
from pathlib import Path

import pytest


def _openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``own``: self-signed, CN only, another host's; ``issued``: for localhost, by the authority ``ca``."""
    directory = tmp_path_factory.mktemp("certificates")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")
    _openssl(
        directory, "req", "-x509", *key, "-keyout", "own.key", "-out", "own.pem", "-subj", "/CN=elsewhere"
    )
    _openssl(directory, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority")
    _openssl(directory, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "issued.key", "-out", "issued.csr",
             "-subj", "/CN=localhost")  # fmt: skip
    (directory / "extensions").write_text("subjectAltName=DNS:localhost\n")
    _openssl(directory, "x509", "-req", "-in", "issued.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
             "-CAcreateserial", "-days", "30", "-extfile", "extensions", "-out", "leaf.pem")  # fmt: skip
    chain = (directory / "leaf.pem").read_bytes() + (directory / "ca.pem").read_bytes()
    (directory / "issued.pem").write_bytes(chain)
    return directory
