"""The thin workflow of each service: when it runs, and that it calls the one that says what is done."""

from pathlib import Path

from sisock_ci.services import Service, services

FOLDER = ".github/workflows"

_TEXT = """\
# Made by `sisock-ci workflows`; what is done is in service.yml.
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


def text(service: Service) -> str:
    """The workflow of a service."""
    watched = [f"{service.folder}/**", *(f"{library}/**" for library in service.libraries)]
    watched += ["pyproject.toml", "uv.lock", f"{FOLDER}/service.yml", f"{FOLDER}/{service.name}.yml"]
    paths = "\n".join(f'      - "{path}"' for path in watched)
    return _TEXT.format(name=service.name, folder=service.folder, paths=paths)


def write(root: Path) -> list[Path]:
    """Write every service's workflow."""
    files = []
    for service in services(root):
        file = root / FOLDER / f"{service.name}.yml"
        file.write_text(text(service), encoding="utf-8")
        files.append(file)
    return files
