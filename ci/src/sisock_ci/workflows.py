"""The thin workflow of each service: when it runs, and that it calls the one that says what is done."""

from pathlib import Path

from sisock_ci.changes import built_from
from sisock_ci.services import Service, services

FOLDER = ".github/workflows"
MARK = "# Made by `sisock-ci make`"

_TEXT = (
    MARK
    + """; what is done is in service.yml.
name: {name}
on:
  push:
    branches: [main]
    tags: ["{folder}/v*"]
    paths:
{paths}
  pull_request:
    paths:
{paths}
permissions: {{}}
jobs:
  {name}:
    uses: ./.github/workflows/service.yml
    permissions:
      contents: read
      packages: write
    with:
      service: {name}
"""
)


def texts(root: Path) -> dict[str, str]:
    """Every service's workflow, by its path."""
    return {f"{FOLDER}/{service.name}.yml": text(service) for service in services(root)}


def text(service: Service) -> str:
    """The workflow of a service."""
    watched = [f"{place}**" if place.endswith("/") else place for place in built_from(service)]
    watched += [f"{FOLDER}/service.yml", f"{FOLDER}/{service.name}.yml"]
    paths = "\n".join(f'      - "{path}"' for path in watched)
    return _TEXT.format(name=service.name, folder=service.folder, paths=paths)
