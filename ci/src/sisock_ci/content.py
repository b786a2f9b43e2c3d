"""A fingerprint of all that an image is built from, so that a version never means two things."""

import hashlib
import os
import subprocess
from pathlib import Path

from uv import find_uv_bin

from sisock_ci.errors import CiError
from sisock_ci.services import Service

LABEL = "org.simonsobservatory.sisock.content"
NOT_SENT = frozenset({"tests", "__pycache__", "node_modules", "build"})
"""Folders that ``.dockerignore`` keeps from the engine."""


def fingerprint(root: Path, service: Service) -> str:
    """SHA-256 of a service's sources, its libraries' and the exact versions of its dependencies."""
    digest = hashlib.sha256()
    for folder in (service.folder, *service.libraries):
        for path in sources(root / folder):
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update(locked(root, service).encode())
    return digest.hexdigest()


def sources(folder: Path) -> list[Path]:
    """Files of a package that an image may be made of, in order."""
    found = []
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_SENT]
        found += [Path(top, name) for name in names if not name.endswith(".md")]
    return sorted(found)


def locked(root: Path, service: Service) -> str:
    """Exact versions of a service's dependencies, from the lock."""
    command = [find_uv_bin(), "export", "--frozen", "--quiet", "--no-dev", "--no-header", "--no-emit-project"]
    done = subprocess.run(  # noqa: S603 (words of ours)
        [*command, "--package", service.distribution],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CiError(f"the lock cannot be read for {service.name}: {done.stderr.strip()}")
    return done.stdout
