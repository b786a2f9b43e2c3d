"""What packages and images are made of: base images by digest, bills of materials, licences.

Bills are CycloneDX 1.5, from the lock, so that they say what an image has to the byte; licences are what the
installed distributions say of themselves.
"""

import json
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from sisock_ci.errors import CiError
from sisock_ci.processes import uv
from sisock_ci.services import Package, Service

BASES = Path("ci/bases.json")
LICENCES = Path("docs/licences.md")
UNKNOWN = "not said"
_LONGEST = 60


def pinned(root: Path, base: str) -> str:
    """A base image as Dockerfiles name it: with its digest, once `renew` has asked for that."""
    file = root / BASES
    digest = json.loads(file.read_text()).get(base) if file.exists() else None
    return f"{base}@{digest}" if digest else base


def renew(root: Path, bases: Iterable[str], client: Any) -> dict[str, str]:
    """Ask the registry for the digests that base images have now, and write them down.

    Raises
    ------
    CiError
        If the registry does not say.
    """
    found = {}
    for base in bases:
        try:
            found[base] = str(client.images.get_registry_data(base).id)
        except Exception as error:
            raise CiError(f"the registry does not say which {base} there is ({error})") from error
    (root / BASES).write_text(json.dumps(found, indent=2) + "\n")
    return found


def bill(root: Path, package: Package, base: str) -> dict[str, Any]:
    """What a package is made of; a service's image, too: its base and the packages of Debian that it adds."""
    told = uv(
        root, "export", "--frozen", "--quiet", "--no-dev", "--package", package.distribution,
        "--format", "cyclonedx1.5",
    )  # fmt: skip
    found: dict[str, Any] = json.loads(told)
    for one in found["components"]:
        said = licence(one["name"])
        if said != UNKNOWN:
            one["licenses"] = [{"license": {"name": said}}]
    if isinstance(package, Service):
        image, _, digest = pinned(root, base).partition("@")
        version = digest or image.partition(":")[2]
        component = {"type": "container", "bom-ref": f"base:{image}", "name": image, "version": version}
        debian = [
            {"type": "library", "bom-ref": f"deb:{name}", "name": name, "purl": f"pkg:deb/debian/{name}"}
            for name in package.container.get("packages", ())
        ]
        found["components"] += [component, *debian]
    return found


def licence(distribution: str) -> str:
    """What a distribution says of its licence, in a few words."""
    try:
        said: Any = metadata(distribution)
    except PackageNotFoundError:
        return UNKNOWN
    expression = said.get("License-Expression")
    if expression:
        return str(expression)
    lines = [line for line in said.get_all("Classifier") or () if line.startswith("License :: ")]
    classified = [line.rpartition(" :: ")[2] for line in lines]
    named = [one for one in classified if one != "OSI Approved"]
    short = (said.get("License") or "").strip().splitlines()
    if named:
        return ", ".join(dict.fromkeys(named))
    return short[0] if short and 0 < len(short[0]) <= _LONGEST else UNKNOWN


def licences(root: Path, shipped: Iterable[Package], base: str) -> str:
    """The page of licences: each distribution that an image or a wheel of ours brings along."""
    rows: dict[str, tuple[str, set[str]]] = {}
    for package in shipped:
        for one in bill(root, package, base)["components"]:
            if not one.get("purl", "").startswith("pkg:pypi/"):
                continue
            known = rows.setdefault(one["name"], (licence(one["name"]), set()))
            known[1].add(package.name)
    lines = [
        "# Licences",
        "",
        "What our images bring along, by the lock, and what each says of its licence; ours is BSD-2-Clause.",
        "The images' base and Debian's packages have theirs in `/usr/share/doc/*/copyright`.",
        "Made by `sisock-ci licences`.",
        "",
        "| distribution | licence | in |",
        "|---|---|---|",
    ]
    every = len({name for row in rows.values() for name in row[1]})
    for name in sorted(rows, key=lambda name: re.sub(r"[-_.]+", "-", name).lower()):
        said, where = rows[name]
        named = "all" if len(where) == every else ", ".join(sorted(where))
        lines.append(f"| {name} | {said} | {named} |")
    return "\n".join(lines) + "\n"
