"""A release: wheel and sdist to the package index, then a service's image to the registry.

Each step looks first whether it is done: a release that was interrupted is finished by saying it again.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sisock_ci import engine, index, release, smoke
from sisock_ci.errors import CiError
from sisock_ci.published import Index
from sisock_ci.services import Package, Service, find, packages

Say = Callable[[str], None]


def publish(
    root: Path, package: Package, to: Index, say: Say, *, asked: str = "", keep: Path | None = None
) -> None:
    """Release a package at the commit that is checked out.

    Parameters
    ----------
    root : Path
    package : Package
    to : Index
    say : callable
    asked : str
        The tag, to be checked.
    keep : Path, optional
        Folder for copies of what is uploaded, and for the file ``image``: its name and digest, to be signed.

    Raises
    ------
    CiError
        If it is not to be released, or a step fails; what was done until then stays.
    """
    tag = release.ready(root, package, asked)
    # Before anything is uploaded, because it fails where there is no engine or no registry.
    client = engine.connect() if isinstance(package, Service) and engine.registry() else None
    _libraries_there(root, package, to)
    with tempfile.TemporaryDirectory(prefix="sisock-release-") as folder:
        files = index.build(root, package, Path(folder))
        if index.needs_router(package):
            router = index.relaxed_router(Path(folder))
            _put(to, index.ROUTER, router, say)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            for file in files:
                shutil.copy(file, keep)
        for file in sorted(files, key=lambda one: one.suffix != ".whl"):
            _put(to, package.distribution, file, say)
    if isinstance(package, Service):
        [hub] = find(root, ["hub"])
        for one in (hub, package) if package != hub else (hub,):
            engine.build(client, root, one)
        smoke.try_image(client, package, hub)
        digest = engine.push(client, root, package, release=True)
        say(f"pushed {engine.reference(package, package.version)} {digest}")
        if keep is not None:
            name = engine.reference(package, package.version).rpartition(":")[0]
            (keep / "image").write_text(f"name={name}\ndigest={digest}\n")
    say(f"released {package.distribution} {package.version} as {tag}")


def _put(to: Index, distribution: str, file: Path, say: Say) -> None:
    say(f"{'uploaded' if to.put(distribution, file) else 'was there:'} {file.name}")


def _libraries_there(root: Path, package: Package, to: Index) -> None:
    """What it needs of ours is released before it, or nobody can install it."""
    ours = {one.distribution: one for one in packages(root)}
    for text in package.requires:
        wanted = Requirement(text)
        library = ours.get(canonicalize_name(wanted.name))
        if library and not any(wanted.specifier.filter(to.versions(library.distribution))):
            raise CiError(
                f"{package.distribution} needs {text}, which the package index does not have: "
                f"release {library.folder} first"
            )
