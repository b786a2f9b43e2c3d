"""How large a package's sources are: lines as ``wc -l`` counts them, and lines of code.

A line of code holds something that Python reads: no comment, docstring or blank line.
"""

import ast
import io
import tokenize
from pathlib import Path

from sisock_ci.services import Package

_PASSED_OVER = frozenset(
    (
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    )
)


def code(text: str) -> int:
    """Lines of code of a module's text."""
    told = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    held = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in _PASSED_OVER
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(held - told)


def count(root: Path, package: Package) -> tuple[int, int]:
    """Lines of a package's modules, and how many of them are code."""
    texts = [file.read_text(encoding="utf-8") for file in (root / package.folder / "src").rglob("*.py")]
    return sum(text.count("\n") for text in texts), sum(map(code, texts))
