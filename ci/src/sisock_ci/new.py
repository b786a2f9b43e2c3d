"""A new data server, from a template of ours."""

import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from sisock_ci import made, processes
from sisock_ci.bounds import CORE
from sisock_ci.errors import CiError
from sisock_ci.services import find_package, services


def new(root: Path, name: str, title: str = "") -> list[str]:
    """Make ``services/NAME``, and anew all that names services; gives the paths.

    Raises
    ------
    CiError
        If the name cannot be one, or is taken.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise CiError(f"{name!r} is no name of a service: lower case letters, digits, dashes between them")
    node = name.replace("-", "_")
    folder = root / "services" / name
    if folder.exists() or node in {service.node for service in services(root)}:
        raise CiError(f"there is a service or a data node {name!r} already")
    major, minor = find_package(root, CORE).version.split(".")[:2]
    words = {"name": name, "module": f"sisock_{node}", "node": node, "title": title or name}
    words["core"] = f"{major}.{minor},<{int(major) + 1}"  # what its tests run with
    written = sorted(_copy(resources.files("sisock_ci") / "template", folder, words))
    written += [root / path for path in made.make(root)]
    processes.uv(root, "lock", "--quiet")
    return sorted({str(path.relative_to(root)) for path in written})


def _copy(source: Traversable, to: Path, words: dict[str, str]) -> list[Path]:
    """Copy a folder, and fill in the words between ``@``."""
    if source.is_dir():
        copied = []
        for entry in source.iterdir():
            if entry.name != "__pycache__":
                copied += _copy(entry, to / entry.name.replace("module", words["module"]), words)
        return copied
    to.parent.mkdir(parents=True, exist_ok=True)
    text = source.read_text(encoding="utf-8")
    text = re.sub(r"@(\w+)@", lambda match: words[match[1]], text)
    # Where the name comes among the imports depends on the name.
    text = re.sub(r"(?:^from sisock\w+[. ].*\n)+", _sorted_lines, text, flags=re.MULTILINE)
    to.write_text(text, encoding="utf-8")
    return [to]


def _sorted_lines(match: re.Match[str]) -> str:
    return "".join(sorted(match[0].splitlines(keepends=True)))
