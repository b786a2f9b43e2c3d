"""Text of InfluxQL to tokens, one at a time: which of ``/`` begins an expression only the grammar knows."""

import re
from dataclasses import dataclass
from typing import NoReturn

from sisock_http.dialects.influxql.problems import ParseError

KEYWORDS = frozenset(
    """
    ALL ALTER ANALYZE AND ANY AS ASC BEGIN BY CARDINALITY CREATE CONTINUOUS DATABASE DATABASES DEFAULT
    DELETE DESC DESTINATIONS DIAGNOSTICS DISTINCT DROP DURATION END EVERY EXACT EXPLAIN FIELD FOR FROM
    GRANT GRANTS GROUP GROUPS IN INF INSERT INTO KEY KEYS KILL LIMIT MEASUREMENT MEASUREMENTS NAME
    OFFSET ON OR ORDER PASSWORD POLICY POLICIES PRIVILEGES QUERIES QUERY READ REPLICATION RESAMPLE
    RETENTION REVOKE SELECT SERIES SET SHARD SHARDS SHOW SLIMIT SOFFSET STATS SUBSCRIPTION SUBSCRIPTIONS
    TAG TO TRUE FALSE USER USERS VALUES WHERE WITH WRITE
    """.split()  # noqa: SIM905 (as a list it is a page)
)
LONGEST_NUMBER = 30

_SPACE = re.compile(r"(?:[ \t\r\n]+|--[^\n]*|/\*(?s:.*?)\*/)+")
_TOKEN = re.compile(
    r"""(?P<word>[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)
    |(?P<duration>(?:\d+(?:ns|ms|[usmhdw\u00b5\u03bc]))+)
    |(?P<number>\d+\.\d*|\.\d+)
    |(?P<integer>\d+)
    |(?P<quoted>"(?:[^"\\\n]|\\["\\n'])*")
    |(?P<text>'(?:[^'\\\n]|\\['\\n"])*')
    |(?P<symbol>::|<>|<=|>=|!=|=~|!~|[-+*/%&|^=<>(),:;.])""",
    re.VERBOSE,
)
_REGEX = re.compile(r"/((?:[^/\\\n]|\\.)*)/")
_ESCAPES = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text: `kind` is keyword, word, duration, number, integer, text, symbol or end."""

    kind: str
    value: str
    at: int

    @property
    def shown(self) -> str:
        """As InfluxDB names it in its errors."""
        return "EOF" if self.kind == "end" else self.value


class Tokens:
    """The tokens of a text; `now` is the one to be read next."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self.now = self._scan()

    def next(self) -> Token:
        """Read a token."""
        read = self.now
        self.now = self._scan()
        return read

    def is_(self, *words: str) -> bool:
        """Whether the next token is one of these keywords or symbols."""
        return self.now.kind in ("keyword", "symbol") and self.now.value in words

    def take(self, *words: str) -> str:
        """Read one of these keywords or symbols if it is next; empty if not."""
        return self.next().value if self.is_(*words) else ""

    def need(self, *words: str) -> str:
        """Read one of these keywords or symbols."""
        return self.take(*words) or self.expected(", ".join(words))

    def named(self, word: str) -> bool:
        """Whether the next token is this word, which is no keyword (``fill``, ``tz``)."""
        return self.now.kind == "word" and self.now.value.lower() == word

    def kind(self, kind: str, told: str) -> Token:
        """Read a token of this kind."""
        return self.next() if self.now.kind == kind else self.expected(told)

    def regex(self) -> str | None:
        """Read a regular expression if it is next."""
        if not self.is_("/"):
            return None
        found = _REGEX.match(self._text, self.now.at)
        if not found:
            self.expected("regex")
        self._end = found.end()
        self.now = self._scan()
        return found[1].replace("\\/", "/")

    def expected(self, told: str) -> NoReturn:
        """Complain about the next token."""
        line = self._text.count("\n", 0, self.now.at) + 1
        column = self.now.at - (self._text.rfind("\n", 0, self.now.at) + 1) + 1
        raise ParseError(f"found {self.now.shown}, expected {told} at line {line}, char {column}")

    def _scan(self) -> Token:
        space = _SPACE.match(self._text, self._end)
        at = space.end() if space else self._end
        if at >= len(self._text):
            self._end = at
            return Token("end", "", at)
        found = _TOKEN.match(self._text, at)
        if not found:
            raise ParseError(f"found {self._text[at : at + 20]!r}, which is no token, at char {at + 1}")
        self._end, kind, value = found.end(), str(found.lastgroup), found[0]
        if kind == "word" and value.upper() in KEYWORDS:
            return Token("keyword", value.upper(), at)
        if kind in ("quoted", "text"):
            plain = _ESCAPES.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], value[1:-1])
            return Token("word" if kind == "quoted" else "text", plain, at)
        if kind in ("duration", "number", "integer"):
            after = self._text[self._end : self._end + 1]
            if len(value) > LONGEST_NUMBER or after.isalnum() or after == "_":
                raise ParseError(f"{value[:LONGEST_NUMBER]}{after} is no number or duration at char {at + 1}")
        return Token(kind, value, at)
