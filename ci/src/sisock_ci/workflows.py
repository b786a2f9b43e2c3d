"""The thin workflow of each package and room: when it runs, and which other one says what is done."""

import json
from pathlib import Path

from sisock_ci import changes
from sisock_ci.changes import FOLDER
from sisock_ci.services import Package, Service

MARK = "# Made by `sisock-ci make`"

_BEGIN = """; what is done is in {does}.
name: {name}
on:
  push:
    branches: [main]
{tags}    paths:
{paths}
  pull_request:
    paths:
{paths}
permissions: {{}}
jobs:
  {name}:
    uses: ./.github/workflows/{does}
    permissions:
      contents: read
"""
_PACKAGE = """      packages: write
      id-token: write
      attestations: write
    with:
      package: {folder}
      pythons: '{pythons}'
      image: {image}
      bounds: {bounds}
    secrets:
      index-password: ${{{{ secrets.SISOCK_INDEX_PASSWORD }}}}
"""
_ROOM = """    with:
      room: {name}
"""


def texts(root: Path) -> dict[str, str]:
    """Every workflow that is made, by its path."""
    packages = {package.name: package for package in changes.alone(root)}
    return {
        f"{FOLDER}/{name}.yml": _text(name, patterns, packages.get(name))
        for name, patterns in changes.pipelines(root).items()
    }


def _text(name: str, patterns: tuple[str, ...], package: Package | None) -> str:
    words = {
        "name": name,
        "does": "package.yml" if package else "room.yml",
        "tags": f'    tags: ["{package.folder}/v*"]\n' if package else "",
        "paths": "\n".join(f'      - "{pattern}"' for pattern in patterns),
    }
    if package is None:
        return MARK + (_BEGIN + _ROOM).format(**words)
    return MARK + (_BEGIN + _PACKAGE).format(
        **words,
        folder=package.folder,
        pythons=json.dumps(package.pythons),
        image=str(isinstance(package, Service)).lower(),
        bounds=str(package.distribution != "sisock-core").lower(),
    )
