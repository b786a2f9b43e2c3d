"""The page's modules as fewer files: what the first screen needs comes in one, for the sake of thin links.

Modules stay plain: each is a function's body in the joined one, so that no two names meet. What is imported
later finds there what it shares with the first screen. Knows those forms of import and export that ours have.
"""

import re
from collections.abc import Mapping

_IMPORT = re.compile(r'^import\s+(\{[^}]*\}|\* as \w+)\s+from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:const|let|class|function\*?) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(import .*|export .*)$", re.MULTILINE)
SHARED = "modules"


def joined(modules: Mapping[str, str], entry: str) -> dict[str, str]:
    """Modules by name: `entry` with all that it imports, and those that are imported later.

    Parameters
    ----------
    modules : mapping of str
        Texts by name, without ``.js``.
    entry : str
        The name of the first.

    Raises
    ------
    ValueError
        If a module has an import or export of another form.
    """
    order: list[str] = []

    def visit(name: str) -> None:
        if name not in order:
            for _, other in _IMPORT.findall(modules[name]):
                visit(other)
            order.append(name)

    visit(entry)
    parts = [f"export const {SHARED} = {{}};\n"]
    for name in order:
        exported = [found[1] for found in _EXPORT.findall(modules[name])]
        body = _EXPORT.sub(r"\1", _shared(modules[name], set(order)))
        wrong = _OTHER.search(body)
        if wrong:
            raise ValueError(f"{name}.js has {wrong[1]!r}, which cannot be joined")
        parts.append(f"{SHARED}.{name} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();\n")
    later = {
        name: f'import {{ {SHARED} }} from "./{entry}.js";\n{text}' if text != modules[name] else text
        for name, text in ((name, _shared(modules[name], set(order))) for name in modules.keys() - set(order))
    }
    return {entry: "".join(parts), **later}


def _shared(text: str, known: set[str]) -> str:
    """A module that takes from the shared ones what it imported of them."""

    def taken(found: re.Match[str]) -> str:
        what, name = found.groups()
        if name not in known:
            return found[0]
        if what.startswith("*"):
            return f"const {what.removeprefix('* as ')} = {SHARED}.{name};\n"
        return f"const {what.replace(' as ', ': ')} = {SHARED}.{name};\n"

    return _IMPORT.sub(taken, text)
