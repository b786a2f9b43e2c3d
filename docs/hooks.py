"""Fills in pages from what stands elsewhere in the repository, so that each fact has one home."""

import re
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
    if page.file.src_uri != "components.md":
        return markdown
    return markdown.replace("<!-- packages -->", "\n\n".join(_section(folder) for folder in PACKAGES))


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
