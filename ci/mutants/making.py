"""Mutants of a file, as cosmic-ray's operators make them. Knows nothing of tests."""

import ast
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

_COMPARISONS = [
    *("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt"),
    *("Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt", "Is_IsNot", "IsNot_Is"),
]
# Not `|`: nearly all of ours are in annotations.
_ARITHMETIC = [
    *("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Div", "Mod_Mul", "Pow_Mul"),
    *("BitAnd_BitOr", "RShift_LShift", "LShift_RShift"),
]
OPERATORS = [
    *(f"core/ReplaceComparisonOperator_{name}" for name in _COMPARISONS),
    *(f"core/ReplaceBinaryOperator_{name}" for name in _ARITHMETIC),
    *(f"core/ReplaceUnaryOperator_Delete_{name}" for name in ("USub", "Not", "Invert")),
    *(f"core/{name}" for name in ("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue")),
    *(f"core/{name}" for name in ("ReplaceAndWithOr", "ReplaceOrWithAnd")),
    *(f"core/{name}" for name in ("ReplaceBreakWithContinue", "ReplaceContinueWithBreak")),
    *(f"core/{name}" for name in ("ExceptionReplacer", "NumberReplacer", "RemoveDecorator")),
    "core/ZeroIterationForLoop",
]

_NOT_TRIED = re.compile(r"if TYPE_CHECKING:|if __name__ == ")
"""Linters' business, and what no process starts without."""

_NO_MATTER = re.compile(r"@dataclass\(.*(slots|frozen)=False")
"""Slots save memory; that nobody assigns to what is frozen is the type checker's business."""


@dataclass(frozen=True, order=True)
class Mutant:
    """One mistake in one file.

    Parameters
    ----------
    file : str
        Below the top of the repository.
    line : int
        The first line that differs.
    before, after : str
        That line, without blanks around it.
    operator : str
    occurrence : int
    """

    file: str
    line: int
    before: str
    after: str
    operator: str
    occurrence: int

    def code(self, source: str) -> str:
        """The file's text with the mistake in it."""
        mutated = mutate_code(source, get_operator(self.operator)(), self.occurrence)
        assert mutated is not None
        return mutated


def mutants(source: str, file: str) -> Iterator[Mutant]:
    """All mutants of a text that Python can read and that are not alike."""
    seen = {ast.dump(ast.parse(source))}
    for name in OPERATORS:
        operator = get_operator(name)()
        count = sum(len(list(operator.mutation_positions(node))) for node in ast_nodes(get_ast(source)))
        for occurrence in range(count):
            try:
                code = mutate_code(source, operator, occurrence)
                tree = ast.dump(ast.parse(code or ""))
            except (
                AttributeError,
                SyntaxError,
            ):  # the exception's name has a dot, or it is no Python any more
                continue
            if code is None or tree in seen:
                continue
            seen.add(tree)
            old, new = source.splitlines(), code.splitlines()
            at = next(i for i, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1])
            if (
                not _NOT_TRIED.match(old[at])
                and not _NO_MATTER.match(new[at])
                and not _matter_of_taste(name, old[at], new[at])
            ):
                yield Mutant(file, at + 1, old[at].strip(), new[at].strip(), name, occurrence)


def _matter_of_taste(operator: str, before: str, after: str) -> bool:
    """Whether a number above nine became the one beside it: a deadline of 61 s is no mistake to notice."""
    if not operator.endswith("NumberReplacer"):
        return False
    was, became = (
        set(re.findall(r"(?<![\w.])[\d_.]+(?:e[-+]?\d+)?(?!\w)", line)) for line in (before, after)
    )
    return all(float(number.replace("_", "")) > 9 for number in was - became if number.strip("._"))


def of_files(top: Path, files: list[str]) -> list[Mutant]:
    """All mutants of files below `top`, in order; kept beside other temporary files, as making takes long."""
    made: list[Mutant] = []
    for file in files:
        source = (top / file).read_bytes()
        name = hashlib.sha256(Path(__file__).read_bytes() + file.encode() + source).hexdigest()
        kept = Path(tempfile.gettempdir(), f"sisock-mutants-{os.getuid()}", name)
        if not kept.exists():
            found = [asdict(mutant) for mutant in mutants(source.decode(), file)]
            kept.parent.mkdir(mode=0o700, exist_ok=True)
            fresh = kept.with_suffix(f".{os.getpid()}")
            fresh.write_text(json.dumps(found))
            fresh.replace(kept)
        made += [Mutant(**one) for one in json.loads(kept.read_text())]
    return sorted(made)
