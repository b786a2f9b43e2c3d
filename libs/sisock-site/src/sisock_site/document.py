"""What may stand in `site.toml`: its tables and keys, their types, and what is said when one is wrong.

The models are the parser and the JSON schema at once. What the tables mean for a field is `site.py`.
"""

import difflib
import itertools
import math
import re
import tomllib
from collections.abc import Sequence
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from sisock.bounds import Bounds

from sisock_site.problems import SiteError

MOST_TOLD = 30
_ZONE = r"^[A-Za-z][A-Za-z0-9+_/-]*$"
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")


def seconds(given: object) -> float:
    """A time, as number of seconds or as text such as ``"90s"``, ``"5m"``, ``"2h"``, ``"1d"``."""
    if isinstance(given, str) and (found := _DURATION.fullmatch(given.strip())):
        return float(found[1]) * _UNITS_S[found[2]]
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < math.inf:
        raise ValueError(f'is {given!r}, not a time such as 30 (seconds) or "5m"')
    return float(given)


def _silence(given: object) -> float:
    """A time of more than nothing; ``false`` is never."""
    if given is False:
        return math.inf
    found = seconds(given)
    if not found:
        raise ValueError("is 0: a field would always be silent; false means never")
    return found


def _patterns(given: object) -> object:
    return [given] if isinstance(given, str) else given


def _points(given: object) -> object:
    """A calibration table: pairs of numbers, raw values ascending."""
    if not isinstance(given, list) or len(given) < 2:
        raise ValueError("is no list of at least two pairs [raw, value]")
    for pair in given:
        if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_number, pair)):
            raise ValueError(f"holds {pair!r}, which is no pair of numbers [raw, value]")
    raw = [pair[0] for pair in given]
    if any(b <= a for a, b in itertools.pairwise(raw)):
        raise ValueError("has raw values that do not ascend")
    return [tuple(map(float, pair)) for pair in given]


def _is_number(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)


def _zone(name: str) -> str:
    """A zone that clocks here know, by its IANA name."""
    known = available_timezones()
    # Where a system has no zones, as small images may, it is believed.
    if known and name not in known:
        close = difflib.get_close_matches(name, known, 1)
        raise ValueError(
            f"is {name!r}, no zone that is known" + (f": {close[0]} is meant, perhaps" if close else "")
        )
    return name


_TIME: dict[str, Any] = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[smhd]\s*$"},
    ]
}
_PATTERNS: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
    ]
}
_PAIR = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
Text = Annotated[str, Field(min_length=1)]
Time = Annotated[float, BeforeValidator(seconds), WithJsonSchema(_TIME)]
Silence = Annotated[
    float,
    Field(allow_inf_nan=True),
    BeforeValidator(_silence),
    WithJsonSchema({"anyOf": [*_TIME["anyOf"], {"const": False}]}),
]
Patterns = Annotated[list[Text], Field(min_length=1), BeforeValidator(_patterns), WithJsonSchema(_PATTERNS)]
Points = Annotated[
    list[tuple[float, float]],
    BeforeValidator(_points),
    WithJsonSchema({"type": "array", "items": _PAIR, "minItems": 2}),
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Sides(_Table):
    """Between which values there is no warning, or no alarm."""

    low: float | None = None
    high: float | None = None


class LimitsTable(_Table):
    """The limits of a field, in the units that the file gives it."""

    warning: Sides = Sides()
    alarm: Sides = Sides()
    hysteresis: Annotated[float, Field(ge=0)] = 0.0
    for_: Time = Field(0.0, alias="for")

    @property
    def bounds(self) -> Bounds:
        """The same as other code has them."""
        warning, alarm = self.warning, self.alarm
        return Bounds(warning.low, warning.high, alarm.low, alarm.high, self.hysteresis, self.for_)


class Rule(_Table):
    """What holds for fields whose name or source is like a pattern; of several rules the last one counts."""

    match: Patterns
    label: Text | None = None
    units: str | None = None
    scale: float | None = None
    offset: float | None = None
    calibration: Points | None = None
    limits: LimitsTable | None = None
    silent_after: Silence | None = None
    metric: bool | None = None

    @model_validator(mode="after")
    def _sensible(self) -> "Rule":
        linear = self.scale is not None or self.offset is not None
        if linear and self.calibration is not None:
            raise ValueError("has scale or offset beside a calibration: it can only be one of them")
        if self.scale == 0:
            raise ValueError("has the scale 0, which leaves nothing of a value")
        if (linear or self.calibration is not None) and self.units is None:
            raise ValueError("converts values, but has no units for what comes out")
        if self.limits is not None and self.limits.bounds.problem:
            raise ValueError(self.limits.bounds.problem)
        return self


class Group(_Table):
    """A heading of overviews, and what stands below it, in order."""

    name: Text
    fields: Patterns


class About(_Table):
    """What is said of the site itself."""

    zone: Annotated[str, Field(pattern=_ZONE), AfterValidator(_zone)] | None = None


class Expected(_Table):
    """What ought to be there: names of nodes; fields by ``node::field`` or by source, without wildcards."""

    nodes: list[Text] = []
    fields: list[Text] = []

    @field_validator("nodes", "fields")
    @classmethod
    def _whole(cls, names: list[str]) -> list[str]:
        for name in names:
            if "*" in name or "?" in name:
                raise ValueError(f"holds {name!r}: what is expected is named in full, without wildcards")
        return names


class Document(_Table):
    """A site's file."""

    site: About = About()
    expected: Expected = Expected()
    fields: list[Rule] = []
    groups: list[Group] = []
    aliases: dict[Text, Text] = {}

    @field_validator("aliases")
    @classmethod
    def _sensible(cls, aliases: dict[str, str]) -> dict[str, str]:
        for old, now in aliases.items():
            if "?" in old + now or old.count("*") != now.count("*") or old.count("*") > 1:
                raise ValueError(f"has {old!r} for {now!r}: both may have one *, and no other wildcard")
            seen = {old}
            while now in aliases:
                if now in seen:
                    raise ValueError(f"leads from {old!r} back to itself")
                seen.add(now)
                now = aliases[now]  # noqa: PLW2901 (the chain is followed)
        return aliases

    @field_validator("groups")
    @classmethod
    def _told_apart(cls, groups: list[Group]) -> list[Group]:
        names = [group.name for group in groups]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"has {name!r} twice")
        return groups


_TABLES: dict[tuple[str, ...], type[_Table]] = {
    (): Document,
    ("site",): About,
    ("expected",): Expected,
    ("fields",): Rule,
    ("fields", "limits"): LimitsTable,
    ("fields", "limits", "warning"): Sides,
    ("fields", "limits", "alarm"): Sides,
    ("groups",): Group,
}
_KINDS = {
    "string_type": "text",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
_PLAIN = {
    "missing": "is missing",
    "finite_number": "is no number to go by",
    "string_too_short": "is empty",
    "too_short": "is empty",
    "string_pattern_mismatch": "is no zone's name, such as America/Santiago",
}


def read(text: str) -> Document:
    """Read a file's text.

    Raises
    ------
    SiteError
        With a sentence for each part that is wrong.
    """
    try:
        given = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SiteError([f"it is no TOML: {error or 'too many brackets'}"]) from None
    try:
        return Document.model_validate(given)
    except ValidationError as error:
        found = [_sentence(one, given) for one in error.errors(include_url=False)]
    if len(found) > MOST_TOLD:
        found = [*found[:MOST_TOLD], f"and {len(found) - MOST_TOLD} more"]
    raise SiteError(found)


def _sentence(error: Any, given: Any) -> str:
    loc = [part for part in error["loc"] if part != "[key]"]
    kind, value = error["type"], error["input"]
    where = _where(loc, given)
    if kind in _KINDS:
        told = f"is {_shown(value)}, not {_KINDS[kind]}"
    elif kind == "extra_forbidden":
        told = f"is no key that is known{_meant(loc)}"
    elif kind == "greater_than_equal":
        told = f"is {value!r}, less than 0"
    else:
        told = _PLAIN.get(kind, error["msg"].removeprefix("Value error, "))
    return f"{where} {told}"


def _where(loc: Sequence[str | int], given: Any) -> str:
    """Table and key, as they stand in the file; of many tables of one name, which of them."""
    if len(loc) > 1 and isinstance(loc[1], int) and loc[0] in ("fields", "groups"):
        table = f"[[{loc[0]}]] number {loc[1] + 1}"
        name = _name(given, loc[0], loc[1])
        told = f"{table} ({name})" if name else table
        return f"{told}: {_dotted(loc[2:])}" if len(loc) > 2 else told
    if len(loc) > 1:
        return f"[{loc[0]}] {_dotted(loc[1:])}"
    return _dotted(loc)


def _name(given: Any, table: str | int, number: int) -> str:
    try:
        entry = given[table][number]
        name = entry.get("match") or entry.get("name")
    except AttributeError:  # it is no table
        return ""
    return str(name[0] if isinstance(name, list) else name)[:80] if name else ""


def _dotted(loc: Sequence[str | int]) -> str:
    written = ""
    for part in loc:
        written += f" number {part + 1}" if isinstance(part, int) else f".{part}" if written else part
    return written or "the file"


def _meant(loc: Sequence[str | int]) -> str:
    table = _TABLES.get(tuple(part for part in loc[:-1] if isinstance(part, str)))
    if table is None:
        return ""
    names = [known.alias or name for name, known in table.model_fields.items()]
    close = difflib.get_close_matches(str(loc[-1]), names, 1)
    return f": {close[0]} is meant, perhaps" if close else f": known are {', '.join(names)}"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return f"{value!r:.60}"


def schema() -> dict[str, Any]:
    """The JSON schema of the file, for editors (2020-12)."""
    made = Document.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "site.toml of sisock",
        **{key: value for key, value in made.items() if key != "title"},
    }
