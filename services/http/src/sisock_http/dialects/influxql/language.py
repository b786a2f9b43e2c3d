"""Text of InfluxQL to statements: the grammar, by hand, and nothing of what statements mean.

Reading takes time and memory in proportion to the text, whatever it is: nesting, chains of operators
and the length of the whole are bounded.
"""

import re
from collections.abc import Callable
from typing import Any

from sisock_http.dialects.influxql.problems import ParseError
from sisock_http.dialects.influxql.tokens import Tokens
from sisock_http.dialects.influxql.tree import (
    Binary,
    Bounds,
    Call,
    Column,
    Constant,
    Expr,
    Fill,
    Logical,
    Paren,
    Refused,
    Regex,
    Select,
    Show,
    Source,
    Statement,
    Var,
    Wildcard,
)

LONGEST = 256 * 1024
DEEPEST = 25
LONGEST_CHAIN = 100
"""Operators in a row: a tree is walked by functions that call themselves."""

UNIT_NS = {
    "ns": 1,
    "u": 10**3,
    "\u00b5": 10**3,
    "\u03bc": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 7 * 86400 * 10**9,
}
MOST_INTEGER = 2**63 - 1
_PIECES = re.compile(r"(\d+)(\D+)")
_CASTS = ("field", "tag", "float", "integer", "string", "boolean", "unsigned")
_WRITES = ("ALTER", "CREATE", "DELETE", "DROP", "GRANT", "KILL", "REVOKE", "SET", "INSERT")
_OTHERS = (
    "CONTINUOUS", "DIAGNOSTICS", "GRANTS", "QUERIES", "SHARD", "SHARDS", "STATS", "SUBSCRIPTIONS", "USERS",
)  # fmt: skip


def parse(text: str) -> tuple[Statement, ...]:
    """Read statements.

    Parameters
    ----------
    text : str
        Any text.

    Raises
    ------
    ParseError
        If it is no InfluxQL.
    """
    if len(text) > LONGEST:
        raise ParseError(f"{len(text)} characters are more than {LONGEST}")
    tokens = Tokens(text)
    statements: list[Statement] = []
    while True:
        while tokens.take(";"):
            pass
        if tokens.now.kind == "end":
            return tuple(statements)
        statements.append(_Grammar(tokens).statement())
        if tokens.now.kind != "end" and not tokens.is_(";"):
            tokens.expected("; or EOF")


class _Grammar:
    """One statement."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._depth = 0

    def statement(self) -> Statement:
        tokens = self._tokens
        if tokens.take("SELECT"):
            return self._select()
        if tokens.take("SHOW"):
            return self._show()
        if tokens.is_(*_WRITES, "EXPLAIN"):
            verb = tokens.next().value
            self._pass_over()
            return Refused(f"{verb} is not supported: what is here can be read, and nothing else")
        return tokens.expected("SELECT, DELETE, SHOW, CREATE, DROP, EXPLAIN, GRANT, REVOKE, ALTER, SET, KILL")

    def _pass_over(self) -> None:
        while self._tokens.now.kind != "end" and not self._tokens.is_(";"):
            self._tokens.next()

    def _select(self) -> Statement:
        tokens = self._tokens
        columns = [self._column()]
        while tokens.take(","):
            columns.append(self._column())
        if tokens.is_("INTO"):
            self._pass_over()
            return Refused("SELECT INTO is not supported: what is here can be read, and nothing else")
        tokens.need("FROM")
        if tokens.is_("("):
            self._pass_over()
            return Refused("subqueries are not supported")
        sources = self._sources()
        where = self._expr() if tokens.take("WHERE") else None
        dimensions: list[Expr] = []
        if tokens.take("GROUP"):
            tokens.need("BY")
            dimensions.append(self._operand())
            while tokens.take(","):
                dimensions.append(self._operand())
        fill = self._fill() if tokens.named("fill") else None
        descending = self._order()
        bounds = self._bounds()
        if tokens.named("tz"):
            self._pass_over()
            return Refused("tz() is not supported: times are UTC")
        return Select(tuple(columns), sources, where, tuple(dimensions), fill, descending, bounds)

    def _column(self) -> Column:
        expr = self._expr()
        return Column(expr, self._tokens.kind("word", "identifier").value if self._tokens.take("AS") else "")

    def _sources(self) -> tuple[Source, ...]:
        sources = [self._source()]
        while self._tokens.take(","):
            sources.append(self._source())
        return tuple(sources)

    def _source(self) -> Source:
        tokens = self._tokens
        parts: list[str | Regex] = []
        while True:
            pattern = tokens.regex()
            if pattern is not None:
                parts.append(Regex(pattern))
                break
            if parts and tokens.take("."):
                parts.append("")
                continue
            parts.append(tokens.kind("word", "identifier").value)
            if not tokens.take("."):
                break
        if len(parts) > 3:
            tokens.expected("no more than database, retention policy and measurement")
        name, *above = reversed(parts)
        return Source(name, *map(str, above))

    def _fill(self) -> Fill:
        tokens = self._tokens
        tokens.next()
        tokens.need("(")
        if tokens.now.kind == "word" and tokens.now.value.lower() in ("null", "none", "previous", "linear"):
            kind: Any = tokens.next().value.lower()
            made = Fill(kind)
        else:
            number = self._operand()
            if not isinstance(number, Constant) or number.kind not in ("number", "integer"):
                raise ParseError("expected number argument in fill()")
            made = Fill("number", number.value)
        tokens.need(")")
        return made

    def _order(self) -> bool:
        tokens = self._tokens
        if not tokens.take("ORDER"):
            return False
        tokens.need("BY")
        if tokens.is_("ASC", "DESC"):
            return tokens.next().value == "DESC"
        name = tokens.kind("word", "identifier, ASC, DESC").value
        direction = tokens.take("ASC", "DESC")
        if name.lower() != "time" or tokens.is_(","):
            raise ParseError("only ORDER BY time supported at this time")
        return direction == "DESC"

    def _bounds(self) -> Bounds:
        found = []
        for word in ("LIMIT", "OFFSET", "SLIMIT", "SOFFSET"):
            given = self._tokens.take(word)
            found.append(_integer(self._tokens.kind("integer", "integer").value) if given else 0)
        return Bounds(*found)

    def _show(self) -> Statement:
        tokens = self._tokens
        if tokens.is_(*_OTHERS):
            what = tokens.next().value
            self._pass_over()
            return Refused(f"SHOW {what} is not supported")
        what = tokens.need("DATABASES", "FIELD", "MEASUREMENT", "MEASUREMENTS", "RETENTION", "SERIES", "TAG")
        if what == "DATABASES":
            return Show(what)
        if what == "RETENTION":
            tokens.need("POLICIES")
            return Show("RETENTION POLICIES", self._database())
        if what == "FIELD":
            what += f" {tokens.need('KEYS', 'KEY')}"
        elif what == "TAG":
            what += f" {tokens.need('KEYS', 'VALUES', 'KEY')}"
        if tokens.is_("EXACT", "CARDINALITY") or what in ("FIELD KEY", "TAG KEY", "MEASUREMENT"):
            self._pass_over()
            return Refused(f"SHOW {what} CARDINALITY is not supported")
        database = self._database()
        sources = self._sources() if what != "MEASUREMENTS" and tokens.take("FROM") else ()
        only = None
        if what == "TAG VALUES":
            tokens.need("WITH")
            tokens.need("KEY")
            only = self._only(lists=True)
        elif what == "MEASUREMENTS" and tokens.take("WITH"):
            tokens.need("MEASUREMENT")
            only = self._only(lists=False)
        where = self._expr() if what != "FIELD KEYS" and tokens.take("WHERE") else None
        self._order()
        return Show(what, database, sources, only, where, self._bounds())

    def _database(self) -> str:
        return self._tokens.kind("word", "identifier").value if self._tokens.take("ON") else ""

    def _only(self, *, lists: bool) -> tuple[str, tuple[str | Regex, ...]]:
        tokens = self._tokens
        op = tokens.need("=", "=~", "!=", "<>", "!~", "IN") if lists else tokens.need("=", "=~")
        if op in ("=~", "!~"):
            pattern = tokens.regex()
            return op, (Regex(pattern if pattern is not None else tokens.expected("regex")),)
        if op != "IN":
            return "!=" if op == "<>" else op, (tokens.kind("word", "identifier").value,)
        tokens.need("(")
        names = [tokens.kind("word", "identifier").value]
        while tokens.take(","):
            names.append(tokens.kind("word", "identifier").value)
        tokens.need(")")
        return "IN", tuple(names)

    def _expr(self) -> Expr:
        return self._logical("OR")

    def _logical(self, op: Any) -> Expr:
        parts = [self._part(op)]
        while self._tokens.take(op):
            parts.append(self._part(op))
        return parts[0] if len(parts) == 1 else Logical(op, tuple(parts))

    def _part(self, op: str) -> Expr:
        return self._logical("AND") if op == "OR" else self._chain(0)

    def _chain(self, level: int) -> Expr:
        """Operators of one rank, from left to right."""
        if level == len(_RANKS):
            return self._operand()
        left = self._chain(level + 1)
        length = 0
        while op := self._tokens.take(*_RANKS[level]):
            length += 1
            if length > LONGEST_CHAIN:
                raise ParseError(f"more than {LONGEST_CHAIN} operators in a row")
            if op in ("=~", "!~"):
                pattern = self._tokens.regex()
                right: Expr = Regex(pattern if pattern is not None else self._tokens.expected("regex"))
            else:
                right = self._chain(level + 1)
            left = Binary("!=" if op == "<>" else op, left, right)
        return left

    def _operand(self) -> Expr:
        tokens = self._tokens
        self._depth += 1
        if self._depth > DEEPEST:
            raise ParseError(f"nested more than {DEEPEST} deep")
        try:
            pattern = tokens.regex()
            if pattern is not None:
                return Regex(pattern)
            if tokens.take("("):
                inner = self._expr()
                tokens.need(")")
                return Paren(inner)
            if tokens.take("*"):
                return Wildcard(self._cast(("field", "tag")))
            sign = tokens.take("-", "+")
            return self._signed(sign) if sign else self._plain()
        finally:
            self._depth -= 1

    def _signed(self, sign: str) -> Expr:
        operand = self._operand()
        if sign == "+":
            return operand
        if isinstance(operand, Constant) and operand.kind in ("number", "integer", "duration"):
            return Constant(-operand.value, operand.kind)
        return Binary("*", Constant(-1, "integer"), operand)

    def _plain(self) -> Expr:
        tokens = self._tokens
        if tokens.is_("TRUE", "FALSE"):
            return Constant(tokens.next().value == "TRUE", "bool")
        if tokens.take("DISTINCT"):
            tokens.need("(")
            return self._call("distinct")
        if tokens.now.kind == "word":
            return self._named()
        read = _CONSTANTS.get(tokens.now.kind)
        return read(tokens.next().value) if read else tokens.expected("identifier, string, number, bool")

    def _named(self) -> Expr:
        tokens = self._tokens
        name = tokens.next().value
        if tokens.take("("):
            return self._call(name.lower())
        while tokens.take("."):
            name += "." + tokens.kind("word", "identifier").value
        return Var(name, self._cast(_CASTS))

    def _call(self, name: str) -> Call:
        tokens = self._tokens
        args: list[Expr] = []
        if not tokens.take(")"):
            args.append(self._expr())
            while tokens.take(","):
                args.append(self._expr())
            tokens.need(")")
        return Call(name, tuple(args))

    def _cast(self, known: tuple[str, ...]) -> str:
        tokens = self._tokens
        if not tokens.take("::"):
            return ""
        word = tokens.now.value.lower()
        if tokens.now.kind not in ("word", "keyword") or word not in known:
            tokens.expected(", ".join(known))
        tokens.next()
        return word


_RANKS = (("=", "!=", "<>", "=~", "!~", "<", "<=", ">", ">="), ("+", "-", "|", "^"), ("*", "/", "%", "&"))


def _integer(text: str) -> int:
    number = int(text)
    if number > MOST_INTEGER:
        raise ParseError(f"unable to parse integer {text}")
    return number


def _duration(text: str) -> int:
    total = sum(int(number) * UNIT_NS[unit] for number, unit in _PIECES.findall(text))
    if total > MOST_INTEGER:
        raise ParseError("overflowed duration: choose a smaller duration or INF")
    return total


_CONSTANTS: dict[str, Callable[[str], Expr]] = {
    "text": lambda text: Constant(text, "string"),
    "integer": lambda text: Constant(_integer(text), "integer"),
    "number": lambda text: Constant(float(text), "number"),
    "duration": lambda text: Constant(_duration(text), "duration"),
}
