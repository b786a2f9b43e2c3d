"""Fills in pages from what stands elsewhere in the repository, so that each fact has one home."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SOURCE = "https://github.com/simonsobs/sisock/blob/main"
PACKAGES = [
    *sorted(path.parent for path in (ROOT / "services").glob("*/README.md")),
    *sorted(path.parent for path in (ROOT / "libs").glob("*/README.md")),
    ROOT / "ci",
]


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put every package's README into the page that has the mark for it."""
    if page.file.src_uri == "components.md":
        return markdown.replace("<!-- packages -->", "\n\n".join(_section(folder) for folder in PACKAGES))
    return re.sub(
        r"<!-- api ([\w.]+): (.+) -->", lambda found: _reference(found[1], found[2].split()), markdown
    )


def _reference(module: str, names: list[str]) -> str:
    """Signature and docstring of some public names, and of what is public in their classes."""
    home = import_module(module)
    parts = []
    for name in names:
        thing = getattr(home, name)
        parts.append(_entry("###", f"{name}", thing))
        if inspect.isclass(thing):
            parts += [
                _entry("####", f"{name}.{member}", found)
                for member, found in vars(thing).items()
                if not member.startswith("_") and inspect.isfunction(found) and found.__doc__
            ]
    return "\n\n".join(parts)


def _entry(rank: str, name: str, thing: Any) -> str:
    try:
        signature = str(inspect.signature(thing))
    except ValueError:
        signature = ""
    # A block of text: numpydoc's own layout, which is made to be read as it is.
    return (
        f"{rank} {name}\n\n```python\n{name}{signature}\n```\n\n```text\n{inspect.getdoc(thing) or ''}\n```"
    )


def _section(folder: Path) -> str:
    """A README, one level deeper, its links to files made absolute."""
    place = folder.relative_to(ROOT)
    text = (folder / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"^(#+) ", r"#\1 ", text, flags=re.MULTILINE)

    def link(match: re.Match[str]) -> str:
        target = match[1]
        if re.match(r"https?://|#", target):
            return match[0]
        path = (folder / target.split("#")[0]).resolve().relative_to(ROOT)
        return f"]({SOURCE}/{path})"

    return re.sub(r"\]\(([^)]+)\)", link, text) + f"\n[Source]({SOURCE}/{place})"
