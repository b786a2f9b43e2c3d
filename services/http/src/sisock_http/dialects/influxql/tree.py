"""What a statement is, once it has been read: plain values, no text left."""

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["number", "integer", "string", "duration", "bool"]
FillKind = Literal["null", "none", "previous", "linear", "number"]


@dataclass(frozen=True, slots=True)
class Var:
    """A field, a tag or time; `cast` is what was written after ``::``."""

    name: str
    cast: str = ""


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``*``, ``*::field`` or ``*::tag``."""

    cast: str = ""


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression, without its slashes."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, text, bool, or a duration in nanoseconds."""

    value: Any
    kind: Kind


@dataclass(frozen=True, slots=True)
class Call:
    """A function of arguments; its name is in lower case."""

    name: str
    args: "tuple[Expr, ...]"


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two operands."""

    op: str
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True)
class Logical:
    """``AND`` or ``OR`` of two and more conditions."""

    op: Literal["AND", "OR"]
    parts: "tuple[Expr, ...]"


@dataclass(frozen=True, slots=True)
class Paren:
    """An expression in parentheses."""

    inner: "Expr"


Expr = Var | Wildcard | Regex | Constant | Call | Binary | Logical | Paren


@dataclass(frozen=True, slots=True)
class Column:
    """An expression of a SELECT, and its name if it was given one."""

    expr: Expr
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A measurement, or those that match; database and policy if they were named."""

    name: str | Regex
    policy: str = ""
    database: str = ""


@dataclass(frozen=True, slots=True)
class Fill:
    """What stands in bins without a sample; `text` is how its number was written."""

    kind: FillKind = "null"
    value: float | int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """LIMIT, OFFSET, SLIMIT and SOFFSET; zero is none."""

    limit: int = 0
    offset: int = 0
    slimit: int = 0
    soffset: int = 0


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT."""

    columns: tuple[Column, ...]
    sources: tuple[Source, ...]
    where: Expr | None = None
    dimensions: tuple[Expr, ...] = ()
    fill: Fill | None = None
    descending: bool = False
    bounds: Bounds = Bounds()
    like: "Select | None" = field(default=None, compare=False, repr=False)
    """What was read once for all that differ in their times alone."""


@dataclass(frozen=True, slots=True)
class Show:
    """SHOW; `what` is such as ``TAG VALUES``, `only` the condition on a name that WITH gives."""

    what: str
    database: str = ""
    sources: tuple[Source, ...] = ()
    only: tuple[str, tuple[str | Regex, ...]] | None = None
    where: Expr | None = None
    bounds: Bounds = Bounds()


@dataclass(frozen=True, slots=True)
class Refused:
    """A statement of InfluxQL that is not answered here, and why."""

    why: str


Statement = Select | Show | Refused
