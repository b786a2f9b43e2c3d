"""A site of 2019: its own configuration and secrets, a certificate with a common name only."""

import shutil
import subprocess
from pathlib import Path

import pytest

SITE = Path(__file__).parent / "site-2019"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The site's ``.crossbar/``, in `tmp_path`."""
    directory = tmp_path / ".crossbar"
    shutil.copytree(SITE, directory)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-subj", "/CN=localhost",
         "-keyout", "server_key.pem", "-out", "server_cert.pem"],
        cwd=directory, check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    return directory
