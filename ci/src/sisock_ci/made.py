"""Everything that is made from the table of packages, so that nobody lists them twice.

Some files are made whole; in others that people write, a block between two markers is.
"""

import re
import runpy
from collections.abc import Iterable
from pathlib import Path

from sisock_ci import changes, composition, dockerfiles, supply, workflows
from sisock_ci.errors import CiError
from sisock_ci.services import Package, Service, libraries, packages, services

DASHBOARDS = "compose/grafana/dashboards"
DASHBOARD_MAKER = "compose/grafana/make_dashboards.py"
BESIDE = (
    ("compose", "the demo, a site's templates, Grafana's provisioning, tests of the whole stack"),
    ("docs", "guides, contract, decisions, figures"),
)


def made(root: Path) -> dict[str, str]:
    """Text of each file that is made, by its path from the repository's root."""
    table = services(root)
    files = {
        "README.md": _in(root, "README.md", "packages", _packages_table(packages(root))),
        "compose/Procfile": composition.procfile(table),
        "compose/docker-compose.dev.yaml": composition.development(table),
        "compose/versions.env": _versions(table),
        "pyproject.toml": _pyproject(root),
    }
    alerts = "compose/alerts.yaml"
    files[alerts] = _in(root, alerts, "metrics", composition.metrics(table))
    files["compose/alerts/targets/sisock.yml"] = composition.targets(table)
    compose = "compose/docker-compose.yaml"
    text = _in(root, compose, "volumes", composition.volumes(table))
    files[compose] = _between(text, compose, "services", composition.blocks(table))
    base = supply.pinned(root, dockerfiles.BASE)
    for service in table:
        files[f"{service.folder}/Dockerfile"] = dockerfiles.text(service, base)
    files |= workflows.texts(root)
    maker = runpy.run_path(str(root / DASHBOARD_MAKER))
    for name, dashboard in maker["dashboards"](table).items():
        files[f"{DASHBOARDS}/{name}.json"] = maker["text"](dashboard)
    return files


def left_over(root: Path, files: Iterable[str]) -> list[str]:
    """Files that were made once and are no longer."""
    there = [*(root / DASHBOARDS).rglob("*.json")]
    there += [
        path for path in (root / changes.FOLDER).glob("*.yml") if path.read_text().startswith(workflows.MARK)
    ]
    return sorted({str(path.relative_to(root)) for path in there} - set(files))


def differing(root: Path) -> list[str]:
    """Files that are not as they would be made now."""
    files = made(root)

    def now(path: str) -> str | None:
        return (root / path).read_text(encoding="utf-8") if (root / path).exists() else None

    return [*(path for path, text in files.items() if now(path) != text), *left_over(root, files)]


def make(root: Path) -> list[str]:
    """Write what differs; gives the paths."""
    files = made(root)
    changed = differing(root)
    for path in changed:
        if path in files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(files[path], encoding="utf-8")
        else:
            (root / path).unlink()
    return changed


def _in(root: Path, path: str, name: str, body: str) -> str:
    return _between((root / path).read_text(encoding="utf-8"), path, name, body)


def _between(text: str, path: str, name: str, body: str) -> str:
    """A text with its block of that name replaced."""
    pattern = rf"([^\n]*made by `sisock-ci make`: {name}\b[^\n]*\n).*?([^\n]*end of {name}\b)"
    if not re.search(pattern, text, re.DOTALL):
        raise CiError(f"{path} has no block for {name} between its markers")
    return re.sub(pattern, lambda match: f"{match[1]}{body}{match[2]}", text, count=1, flags=re.DOTALL)


def _packages_table(known: Iterable[Package]) -> str:
    rows = ["", "| folder | what | image |", "|---|---|---|"]
    for package in known:
        image = f"`{package.image}`" if isinstance(package, Service) else ""
        rows.append(f"| [{package.folder}]({package.folder}) | {package.description} | {image} |")
    rows += [f"| [{folder}]({folder}) | {what} | |" for folder, what in BESIDE]
    return "\n".join([*rows, "", ""])


def _versions(table: Iterable[Service]) -> str:
    return "".join(sorted(f"{service.variable}={service.version}\n" for service in table))


def _pyproject(root: Path) -> str:
    path = "pyproject.toml"
    sources = "".join(f"{one.distribution} = {{ workspace = true }}\n" for one in _sources(root))
    text = _in(root, path, "sources", sources)
    return _between(text, path, "contracts", _contracts(root))


def _sources(root: Path) -> list[Package]:
    """What another package may depend on: libraries, and the services that tests start beside their own."""
    return sorted([*libraries(root), *services(root)], key=lambda package: package.distribution)


def _contracts(root: Path) -> str:
    """import-linter's view: every package, and who may import whom."""
    ours = sorted(service.module for service in services(root))
    others = sorted(package.module for package in packages(root) if not isinstance(package, Service))
    tests = ["sisock_testing"]
    running = [name for name in (*others, *ours) if name not in tests]
    contracts = (
        ("Services never import each other", "independence", {"modules": ours}),
        ("Libraries import no service", "forbidden", {"source_modules": others, "forbidden_modules": ours}),
        (
            "The core imports no library beside it",
            "forbidden",
            {
                "source_modules": ["sisock"],
                "forbidden_modules": [name for name in others if name != "sisock"],
            },
        ),
        (
            "What runs at a site imports nothing that is made for tests",
            "forbidden",
            {
                "source_modules": running,
                "forbidden_modules": tests,
                "ignore_imports": [
                    "sisock_g3.testing.* -> sisock_testing",
                    "sisock_g3.testing.* -> sisock_testing.*",
                ],
            },
        ),
    )
    text = f"[tool.importlinter]\nroot_packages = {_list([*others, *ours])}\n"
    for name, kind, lists in contracts:
        text += f'\n[[tool.importlinter.contracts]]\nname = "{name}"\ntype = "{kind}"\n'
        text += "".join(f"{key} = {_list(values)}\n" for key, values in lists.items())
    return text


def _list(values: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"
